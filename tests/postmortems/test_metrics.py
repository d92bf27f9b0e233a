"""Graphs: what text is understood as numbers, what stands in a drawing, and the pages."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from accounts.models import User
from incidents.models import Incident
from postmortems.drawings.graph import draw_graph, short, time_ticks, value_ticks
from postmortems.enums import SectionKind
from postmortems.graphs import Mark, Range, marks_of, range_of
from postmortems.models import Metric, MetricSeries, Postmortem
from postmortems.series import MOST_POINTS, NotSeries, read_series
from tests.factories.postmortems import EventFactory, SectionFactory

As = Callable[[User], Client]
HTMX = {"HX-Request": "true"}
BERLIN = ZoneInfo("Europe/Berlin")
CSV = "time,failed\n2026-04-01T09:40:00Z,1\n2026-04-01T09:50:00Z,340\n2026-04-01T10:00:00Z,12\n"


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# -- Reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-04-01 14:02,12\n2026-04-01 14:03,340", [12, 340]),
        ("time;ms\n2026-04-01 14:02;1,5\n2026-04-01 14:03;2", [1.5, 2]),
        ("when\tvalue\n2026-04-01 14:03\t2\n2026-04-01 14:02\t1", [1, 2]),
        ('2026-04-01 14:02,"1,234.5"\n2026-04-01 14:03,-', [1234.5]),
        ("1775045000,1e3\n1775045060,2", [1000, 2]),
        ("1775045000000,7", [7]),
        ("2026-04-01T14:02:00+02:00,12 %", [12]),
        ("\ufefftime,x\n2026/04/01 14:02:09,3", [3]),
        ("01 Apr 2026 14:02,3\n\n\n", [3]),
    ],
)
def test_numbers_are_read_as_people_paste_them(text: str, wanted: list[float]) -> None:
    [series] = read_series(text, zone=BERLIN)
    assert list(series.values) == wanted


def test_a_time_without_an_offset_is_on_the_incident_s_clock() -> None:
    [series] = read_series("2026-04-01 14:02,1\n2026-12-01 14:02,2\n2026-04-01 14:02 UTC,3", zone=BERLIN)
    assert list(series.times) == [
        seconds("2026-04-01T14:02:00+02:00"),
        seconds("2026-04-01T14:02:00+00:00"),
        seconds("2026-12-01T14:02:00+01:00"),
    ]


def test_columns_are_named_by_the_first_line_and_gaps_are_left_out() -> None:
    found = read_series("time,EU,US\n2026-04-01 14:02,1,\n2026-04-01 14:03,2,5", zone=BERLIN)
    assert [(each.name, list(each.values)) for each in found] == [("EU", [1, 2]), ("US", [5])]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "nothing in it"),
        ("hello", "Each line needs a time and a number"),
        ("time,x\nyesterday,1", "Line 2: “yesterday” is no time"),
        ("2026-04-01 14:02,12ms", "Line 1: “12ms” is no number"),
        ("2026-04-01 14:02,1e999", "Line 1: “1e999” is no number"),
        ("time,a,b,c,d,e,f,g,h,i\n2026-04-01 14:02,1,1,1,1,1,1,1,1,1", "graph of 9 lines"),
        ("time,x\n2026-04-01 14:02,-", "no number in it"),
        ("0001-01-01 00:00,1", "is no time"),
        ("9999-12-31 23:59,1", "is no time"),
    ],
)
def test_what_is_no_number_is_said_with_its_line(text: str, fault: str) -> None:
    with pytest.raises(NotSeries, match=fault):
        read_series(text, zone=BERLIN)


def test_many_faults_are_told_as_a_number() -> None:
    with pytest.raises(NotSeries) as told:
        read_series("time,x\n" + "never,1\n" * 40, zone=BERLIN)
    assert told.value.faults[-1] == "And 35 more lines like these."


def test_a_hundred_thousand_points_are_read_and_more_refused() -> None:
    lines = "".join(f"{1775000000 + at},{at % 97}\n" for at in range(100_000))
    [series] = read_series(lines, zone=BERLIN)
    assert len(series.times) == 100_000
    with pytest.raises(NotSeries, match="more than"):
        read_series(lines * 3, zone=BERLIN)
    assert MOST_POINTS < 300_000


@given(st.text(max_size=300))
def test_any_text_is_series_or_refused(text: str) -> None:
    try:
        found = read_series(text, zone=BERLIN)
    except NotSeries as error:
        is_said = bool(error.faults)
    else:
        is_said = all(list(each.times) == sorted(each.times) for each in found)
    assert is_said


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.floats(allow_nan=False, allow_infinity=False, width=32)),
        min_size=1, max_size=30, unique_by=lambda point: point[0],
    )
)  # fmt: skip
def test_what_is_written_is_read_back(points: list[tuple[int, float]]) -> None:
    began = datetime(2020, 1, 1, tzinfo=UTC)
    text = "\n".join(f"{(began + timedelta(seconds=at)).isoformat()},{value!r}" for at, value in points)
    [series] = read_series(text, zone=BERLIN)
    assert list(series.values) == [value for _, value in sorted(points)]


# -- Drawing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 33), (-5, 7), (0, 0), (0, 1e12), (3, 3), (0, 0.0004)])
def test_ticks_hold_all_values(low: float, high: float) -> None:
    ticks = value_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8


@pytest.mark.parametrize("hours", [0.02, 1, 5, 30, 24 * 12])
def test_times_are_round_and_few(hours: float) -> None:
    start = seconds("2026-03-28T22:13:00+00:00")
    ticks = time_ticks(Range(start, start + hours * 3600), BERLIN)
    assert 1 <= len(ticks) <= 8


def test_axes_say_large_numbers_short() -> None:
    assert [short(value) for value in (0, 950, 25_000, 1.5e6, 2e9)] == ["0", "950", "25k", "1.5M", "2G"]


def graph(points: int) -> tuple[Metric, Range]:
    metric = Metric(pk=1, title="Errors", unit="a minute", shows="They rose")
    times = array("d", range(points))
    values = array("d", (999.0 if at == points // 2 else at % 7 for at in range(points)))
    series = MetricSeries(name="EU", times=times.tobytes(), values=values.tobytes())
    metric._prefetched_objects_cache = {"series": [series]}  # type: ignore[attr-defined]
    return metric, Range(0, max(points - 1, 1))


@pytest.mark.parametrize("points", [1, 2, 500, 100_000])
def test_a_drawing_keeps_the_peak_and_stays_small(points: int) -> None:
    metric, shown = graph(points)
    svg = draw_graph(metric, shown, [Mark(1, datetime.fromtimestamp(0, tz=UTC), "Began")], ZoneInfo("UTC"))
    line = next(ElementTree.fromstring(svg).iter("polyline")).get("points") or ""  # noqa: S314  (our own drawing)
    heights = [float(each.split(",")[1]) for each in line.split()]
    assert len(svg) < 30_000
    assert len(heights) <= 2 * 340 or points <= 2 * 340
    assert min(heights) < 40 or points < 3


# -- Pages -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def document(postmortem: Postmortem) -> Postmortem:
    SectionFactory.create(postmortem=postmortem, kind=SectionKind.METRICS, title="Graphs")
    return postmortem


def values(**changed: object) -> dict[str, object]:
    return {"title": "Failed checkouts", "unit": "a minute", "shows": "They rose.", "numbers": CSV, **changed}


def png() -> SimpleUploadedFile:
    content = BytesIO()
    Image.new("RGB", (40, 20), "white").save(content, "PNG")
    return SimpleUploadedFile("graph.png", content.getvalue(), "image/png")


@pytest.mark.django_db
def test_pasted_numbers_become_a_graph_with_its_unit_and_sentence(
    as_user: As, alice: User, document: Postmortem
) -> None:
    assert as_user(alice).post(f"/postmortems/{document.pk}/metrics/add/", values()).status_code == 302
    page = as_user(alice).get(f"/postmortems/{document.pk}/read/").content.decode()
    metric = Metric.objects.get()
    assert f'<metric-graph data-numbers="/metrics/{metric.pk}/numbers.json"' in page
    assert "They rose." in page
    assert "a minute" in page
    assert (
        "**Failed checkouts (a minute).** They rose."
        in as_user(alice).get(f"/postmortems/{document.pk}/export.md").content.decode()
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"unit": ""}, "Say the unit"),
        ({"shows": ""}, "required"),
        ({"numbers": ""}, "Paste numbers, or choose a file"),
        ({"numbers": "x,y\nz,1"}, "is no time"),
    ],
)
def test_a_graph_that_explains_nothing_is_refused(
    as_user: As, alice: User, document: Postmortem, changed: dict[str, object], words: str
) -> None:
    answer = as_user(alice).post(f"/postmortems/{document.pk}/metrics/add/", values(**changed), headers=HTMX)
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert not Metric.objects.exists()


@pytest.mark.django_db
def test_a_file_of_numbers_or_a_picture_will_do(
    as_user: As, alice: User, document: Postmortem, settings: object, tmp_path: object
) -> None:
    url = f"/postmortems/{document.pk}/metrics/add/"
    table = SimpleUploadedFile("errors.csv", CSV.encode(), "text/csv")
    as_user(alice).post(url, values(numbers="", file=table))
    as_user(alice).post(url, values(title="A picture", unit="", numbers="", file=png()))
    series, picture = Metric.objects.order_by("pk")
    assert series.series.get().name == "failed"
    assert picture.picture is not None
    assert (
        picture.picture.get_absolute_url() in as_user(alice).get(f"/postmortems/{document.pk}/read/").content.decode()
    )


@pytest.mark.django_db
def test_a_file_that_is_neither_is_refused(as_user: As, alice: User, document: Postmortem) -> None:
    url = f"/postmortems/{document.pk}/metrics/add/"
    for name, content in (("x.csv", b"\xff\xfe\x00"), ("x.png", b"no picture"), ("x.svg", b"<svg onload=alert(1)>")):
        answer = as_user(alice).post(url, values(numbers="", file=SimpleUploadedFile(name, content)), headers=HTMX)
        assert answer.status_code == 422, name
    assert not Metric.objects.exists()


@pytest.mark.django_db
def test_a_graph_keeps_its_numbers_when_only_its_words_change(as_user: As, alice: User, document: Postmortem) -> None:
    client = as_user(alice)
    client.post(f"/postmortems/{document.pk}/metrics/add/", values())
    metric = Metric.objects.get()
    client.post(f"/metrics/{metric.pk}/edit/", values(shows="They fell.", numbers="", revision=1))
    metric.refresh_from_db()
    assert (metric.shows, list(metric.series.get().points[1])) == ("They fell.", [1, 340, 12])
    answer = client.post(f"/metrics/{metric.pk}/edit/", values(shows="Mine", numbers="", revision=1), headers=HTMX)
    page = answer.content.decode()
    assert (answer.status_code, "They fell." in page, "Mine" in page) == (409, True, True)


@pytest.mark.django_db
def test_the_same_graph_twice_is_kept_once_and_the_order_changes(
    as_user: As, alice: User, document: Postmortem
) -> None:
    client, url = as_user(alice), f"/postmortems/{document.pk}/metrics/add/"
    for title in ("a", "a", "b"):
        client.post(url, values(title=title))
    first, second = Metric.objects.order_by("position")
    client.post(f"/metrics/{second.pk}/move/", {"direction": "up"})
    assert [metric.title for metric in document.metrics.all()] == ["b", "a"]
    client.post(f"/metrics/{first.pk}/delete/")
    assert [metric.title for metric in document.metrics.all()] == ["b"]


@pytest.mark.django_db
def test_all_graphs_share_one_stretch_of_time_with_context(
    as_user: As, alice: User, document: Postmortem, incident: Incident
) -> None:
    EventFactory.create(incident=incident, at=datetime(2026, 4, 1, 10, 0, tzinfo=UTC), text="Turned", is_milestone=True)
    client = as_user(alice)
    client.post(f"/postmortems/{document.pk}/metrics/add/", values())
    metrics = list(document.metrics.prefetch_related("series"))
    shown = range_of(document, metrics)
    assert shown is not None
    length = (incident.resolved_at - incident.impact_started_at).total_seconds()  # type: ignore[operator]
    assert shown.start == pytest.approx(incident.impact_started_at.timestamp() - 0.35 * length)  # type: ignore[union-attr]
    assert [mark.text for mark in marks_of(incident)] == ["Impact started", "Turned", "Resolved"]
    numbers = client.get(f"/metrics/{metrics[0].pk}/numbers.json").json()
    assert numbers["range"] == [shown.start, shown.end]
    assert numbers["series"][0]["values"] == [1, 340, 12]
    assert [mark[2] for mark in numbers["marks"]] == ["Impact started", "Turned", "Resolved"]


@pytest.mark.django_db
def test_numbers_of_another_year_are_shown_by_themselves(as_user: As, alice: User, document: Postmortem) -> None:
    old = CSV.replace("2026", "2020")
    as_user(alice).post(f"/postmortems/{document.pk}/metrics/add/", values(numbers=old))
    shown = range_of(document, list(document.metrics.prefetch_related("series")))
    assert shown == Range(seconds("2020-04-01T09:40:00+00:00"), seconds("2020-04-01T10:00:00+00:00"))
