"""The main job on the twelve real incidents: read, written once, kept in line, and never over people's own words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db.models import Model

from accounts.enums import TeamRole, Visibility
from accounts.models import AuditEntry, Membership, Team, User
from actions.models import ActionItem
from incidents.importers.debrief_json import IncidentDocument, read_incident
from incidents.importers.parts import keyed
from incidents.importers.zones import fitting_zone, likely_zone
from incidents.models import Communication, ImpactFigure, Incident, Service, TimelineEvent
from incidents.services.imports import ImportOutcome, ImportRefused, import_document, import_file
from postmortems.models import Branch, Factor, Lesson, Postmortem, Section, Term, Why
from postmortems.whys import trees_of

SAMPLES = sorted((Path(settings.BASE_DIR) / "incidents" / "samples").glob("*.json"))
NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
WRITTEN: tuple[type[Model], ...] = (
    Incident,
    TimelineEvent,
    ImpactFigure,
    Communication,
    Service,
    Postmortem,
    Section,
    Lesson,
    Branch,
    Why,
    Factor,
    Term,
    ActionItem,
)


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="Edge", slug="edge")


@pytest.fixture
def alice(team: Team) -> User:
    user = User.objects.create_user("alice@example.com", display_name="Alice")
    Membership.objects.create(team=team, user=user, role=TeamRole.MANAGER)
    return user


@pytest.fixture
def mallory(db: None) -> User:
    user = User.objects.create_user("mallory@example.com", display_name="Mallory")
    Membership.objects.create(team=Team.objects.create(name="Identity", slug="identity"), user=user)
    return user


def sample(name: str) -> dict[str, Any]:
    path = next(path for path in SAMPLES if path.name.startswith(name))
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def read(data: dict[str, Any]) -> IncidentDocument:
    return read_incident(json.dumps(data), file_name="test.json")


def imported(data: dict[str, Any], by: User, now: datetime = NOW) -> ImportOutcome:
    return import_document(document=read(data), team=None, by=by, now=now)


def rows() -> dict[str, list[Any]]:
    """Every row an import writes, with what it says; when it was last touched is left out."""

    def values(model: type[Model]) -> list[Any]:
        names = [f.attname for f in model._meta.concrete_fields if f.attname not in {"updated_at", "search"}]
        return list(model._default_manager.order_by("pk").values_list(*names))

    return {model.__name__: values(model) for model in WRITTEN}


def test_there_are_twelve_samples() -> None:
    assert len(SAMPLES) == 12


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_is_written_whole(path: Path, alice: User) -> None:
    result = import_file(name=path.name, content=path.read_bytes(), team=None, by=alice, now=NOW)
    assert result.faults == []
    assert result.outcome is not None
    data, incident = json.loads(path.read_text()), result.outcome.incident
    assert incident.events.count() == len(data["timeline"])
    assert incident.figures.count() == len(data["customer_impact"]["figures"])
    assert incident.communications.count() == len(data["communications"])
    assert {service.name for service in incident.services.all()} == set(data["services"])
    postmortem = incident.postmortems.get()
    assert [lesson.text for lesson in postmortem.lessons.all()] == data["lessons"]
    assert {action.title for action in postmortem.action_items.all()} == {a["text"] for a in data["action_items"]}
    assert {factor.text for factor in postmortem.factors.all()} == {f["text"] for f in data["contributing_factors"]}
    chains = [[(step["why"], step["because"]) for step in branch["whys"]] for branch in data["five_whys"]]
    trees = [[(node.why.question, node.why.answer) for node in tree.nodes] for tree in trees_of(postmortem)]
    assert trees == chains
    assert [node.depth for tree in trees_of(postmortem) for node in tree.nodes] == [
        depth for chain in chains for depth in range(len(chain))
    ]
    assert {(term.term, term.meaning) for term in postmortem.terms.all()} == set(data["glossary"].items())
    assert not postmortem.sections.filter(title__in=["Root cause analysis", "Context"]).exclude(body="").exists()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_importing_again_changes_nothing(path: Path, alice: User) -> None:
    import_file(name=path.name, content=path.read_bytes(), team=None, by=alice, now=NOW)
    before = rows()
    again = import_file(name=path.name, content=path.read_bytes(), team=None, by=alice, now=LATER)
    assert rows() == before
    assert again.outcome is not None
    assert not again.outcome.has_changed
    assert AuditEntry.objects.filter(verb__contains="import-updated").count() == 0


def test_incident_has_the_facts_of_its_file(alice: User, team: Team) -> None:
    incident = imported(sample("cloudflare-2019"), alice).incident
    assert incident.title == "Visitors to every site behind Cloudflare got 502 error pages for 27 minutes"
    assert (incident.severity, incident.timezone, incident.team) == ("SEV0", "UTC", team)
    assert incident.impact_started_at == datetime(2019, 7, 2, 13, 42, tzinfo=UTC)
    assert incident.detected_at == datetime(2019, 7, 2, 13, 45, tzinfo=UTC)
    assert incident.occurred_at == incident.impact_started_at
    assert incident.acknowledged_at is None
    assert incident.is_customer_facing
    assert incident.import_key == "cloudflare-2019-07-02-502-errors"
    assert incident.created_by == alice


# -- Traps -------------------------------------------------------------------------------------------------------------


def test_day_is_kept_as_a_day(alice: User) -> None:
    incident = imported(sample("atlassian"), alice).incident
    event = incident.events.get(text="First customers restored.")
    assert (event.precision, event.at) == ("day", datetime(2022, 4, 8, tzinfo=UTC))


def test_day_is_placed_in_the_zone_of_the_incident(alice: User) -> None:
    data = sample("slack")
    data["timeline"].append({"at": "2021-01-05", "precision": "day", "kind": "other", "text": "Reviewed."})
    incident = imported(data, alice).incident
    assert incident.timezone == "America/Los_Angeles"
    assert incident.events.get(text="Reviewed.").at.astimezone(incident.zone) == datetime(
        2021, 1, 5, tzinfo=incident.zone
    )


def test_approximate_time_is_kept_as_approximate(alice: User) -> None:
    data = sample("gitlab")
    expected = sum(1 for entry in data["timeline"] if entry.get("approximate"))
    incident = imported(data, alice).incident
    assert incident.events.filter(precision="approximate").count() == expected > 0


def test_month_alone_says_so_to_readers(alice: User) -> None:
    for path in SAMPLES:
        data = json.loads(path.read_text())
        entry = next((e for e in data["timeline"] if e.get("precision") == "month"), None)
        if entry:
            incident = imported(data, alice).incident
            event = incident.events.get(text__startswith=entry["text"])
            assert event.precision == "approximate"
            assert "Only the month is known" in event.text
            return
    pytest.fail("no sample has a month alone")


def test_detection_before_impact_is_kept(alice: User) -> None:
    incident = imported(sample("gitlab"), alice).incident
    assert incident.detected_at is not None
    assert incident.impact_started_at is not None
    assert incident.detected_at < incident.impact_started_at


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("aws-s3", "America/Los_Angeles"),
        ("roblox", "America/Los_Angeles"),
        ("slack", "America/Los_Angeles"),
        ("github", "UTC"),
        ("datadog", "UTC"),
    ],
)
def test_zone_is_told_from_the_offsets(name: str, zone: str) -> None:
    assert likely_zone(read(sample(name))).key == zone


def test_zone_that_the_file_names_wins(alice: User) -> None:
    assert (
        imported({**sample("slack"), "timezone": "America/Vancouver"}, alice).incident.timezone == "America/Vancouver"
    )


def test_offsets_of_no_one_place_mean_utc() -> None:
    mixed = [datetime.fromisoformat("2026-01-05T10:00:00+01:00"), datetime.fromisoformat("2026-01-05T10:00:00-08:00")]
    assert fitting_zone(mixed).key == "UTC"


def test_offset_that_changes_with_summer_time_fits_one_zone() -> None:
    found = [datetime.fromisoformat("2026-03-28T10:00:00+00:00"), datetime.fromisoformat("2026-03-30T10:00:00+01:00")]
    assert fitting_zone(found).key == "Europe/London"


def test_unknown_times_stay_unknown(alice: User) -> None:
    incident = imported(sample("crowdstrike"), alice).incident
    assert incident.resolved_at is None
    assert incident.detected_at is None


def test_communication_without_a_time_has_none(alice: User) -> None:
    data = sample("atlassian")
    incident = imported(data, alice).incident
    assert incident.communications.get(text__startswith="Progress updates").at is None


def test_same_event_twice_in_a_file_is_kept_twice(alice: User) -> None:
    data = sample("fastly")
    data["timeline"].append(data["timeline"][0])
    assert imported(data, alice).incident.events.count() == len(data["timeline"])
    assert not imported(data, alice).has_changed


def test_two_entries_of_one_identity_have_two_keys() -> None:
    assert len(keyed([(("a",), {"v": 1}), (("a",), {"v": 2})])) == 2


def test_security_sensitive_file_is_restricted_at_once(alice: User) -> None:
    incident = imported({**sample("fastly"), "security_sensitive": True}, alice).incident
    assert incident.visibility == Visibility.RESTRICTED
    assert incident.postmortems.get().visibility == Visibility.RESTRICTED


# -- Reading a file again ----------------------------------------------------------------------------------------------


def test_what_the_file_changed_is_updated_in_place(alice: User) -> None:
    data = sample("fastly")
    first = imported(data, alice)
    event = first.incident.events.order_by("pk")[0]
    data["timeline"][0]["actor_role"] = "Release engineer"
    data["title"] = "A better title"
    second = imported(data, alice, LATER)
    event.refresh_from_db()
    assert event.actor_role == "Release engineer"
    assert event.revision == 2
    assert second.incident.title == "A better title"
    assert second.counts["events"].updated == 1
    assert not second.created


def test_the_analysis_follows_the_file_until_people_change_it(alice: User) -> None:
    data = sample("fastly")
    postmortem = imported(data, alice).incident.postmortems.get()
    Factor.objects.filter(postmortem=postmortem, import_key="factor-1").update(text="Ours", revision=2)
    data["contributing_factors"][0]["text"] = "Theirs"
    data["contributing_factors"][1]["text"] = "Followed"
    data["five_whys"][0]["whys"][0]["because"] = "Said better"
    data["five_whys"][0]["whys"].append({"n": "1.99", "why": "And then?", "because": "Nothing"})
    imported(data, alice, LATER)
    assert {factor.text for factor in postmortem.factors.all()} >= {"Ours", "Followed"}
    [tree, *_] = trees_of(postmortem)
    assert (tree.nodes[0].why.answer, tree.nodes[-1].why.answer) == ("Said better", "Nothing")
    assert tree.nodes[-1].depth == len(tree.nodes) - 1


def test_what_was_imported_as_prose_is_not_there_twice(alice: User) -> None:
    data = sample("fastly")
    incident = imported({**data, "five_whys": [], "contributing_factors": [], "glossary": {}}, alice).incident
    part = incident.imported_parts.get(part="pm-sections")
    part.values |= {"factors": {"section": "x", "body": "- a"}, "root-cause": {"section": "x", "body": "b"}}
    part.save()
    imported(data, alice, LATER)
    postmortem = incident.postmortems.get()
    assert (postmortem.factors.count(), postmortem.whys.count()) == (0, 0)
    assert postmortem.terms.count() == len(data["glossary"])


def test_what_left_the_file_is_removed(alice: User) -> None:
    data = sample("fastly")
    imported(data, alice)
    gone = data["timeline"].pop()
    second = imported(data, alice, LATER)
    assert not second.incident.events.filter(text=gone["text"]).exists()
    assert second.counts["events"].removed == 1


def test_row_that_people_edited_survives(alice: User) -> None:
    data = sample("fastly")
    incident = imported(data, alice).incident
    event = incident.events.order_by("pk")[0]
    TimelineEvent.objects.filter(pk=event.pk).update(actor_role="Priya's team", revision=2)
    data["timeline"][0]["actor_role"] = "Release engineer"
    imported(data, alice, LATER)
    event.refresh_from_db()
    assert event.actor_role == "Priya's team"


def test_row_that_people_edited_survives_its_loss_from_the_file(alice: User) -> None:
    data = sample("fastly")
    incident = imported(data, alice).incident
    figure = incident.figures.order_by("pk")[0]
    ImpactFigure.objects.filter(pk=figure.pk).update(caveat="", value="86 %", revision=2)
    data["customer_impact"]["figures"].pop(0)
    imported(data, alice, LATER)
    figure.refresh_from_db()
    assert figure.value == "86 %"


def test_row_that_people_added_survives(alice: User) -> None:
    data = sample("fastly")
    incident = imported(data, alice).incident
    own = TimelineEvent.objects.create(incident=incident, at=NOW, text="Our own note", created_by=alice)
    imported(data, alice, LATER)
    assert incident.events.filter(pk=own.pk).exists()


def test_row_that_people_deleted_stays_deleted(alice: User) -> None:
    data = sample("fastly")
    incident = imported(data, alice).incident
    event = incident.events.order_by("pk")[0]
    event.delete()
    imported(data, alice, LATER)
    assert not incident.events.filter(text=event.text).exists()


def test_fact_that_people_corrected_survives_and_others_follow_the_file(alice: User) -> None:
    data = sample("fastly")
    incident = imported(data, alice).incident
    Incident.objects.filter(pk=incident.pk).update(severity="SEV1")
    data["severity"], data["summary"] = "SEV2", "A new summary"
    imported(data, alice, LATER)
    incident.refresh_from_db()
    assert (incident.severity, incident.summary) == ("SEV1", "A new summary")


def test_times_that_contradict_a_correction_are_refused_whole(alice: User) -> None:
    data = sample("fastly")
    incident = imported(data, alice).incident
    corrected = datetime(2021, 6, 8, 12, 0, tzinfo=UTC)
    Incident.objects.filter(pk=incident.pk).update(impact_started_at=corrected)
    data["resolved_at"], data["mitigated_at"] = "2021-06-08T11:30:00+00:00", "2021-06-08T11:00:00+00:00"
    before = rows()
    with pytest.raises(ImportRefused, match="would be resolved"):
        imported(data, alice, LATER)
    assert rows() == before


# -- Rights and faults -------------------------------------------------------------------------------------------------


def test_outsider_may_not_change_an_incident_by_importing_its_slug(alice: User, mallory: User) -> None:
    incident = imported(sample("fastly"), alice).incident
    Incident.objects.filter(pk=incident.pk).update(visibility=Visibility.RESTRICTED)
    before = rows()
    with pytest.raises(ImportRefused, match="may not change"):
        imported({**sample("fastly"), "title": "Mine now"}, mallory)
    assert rows() == before


def test_person_in_no_team_is_asked_for_one(db: None) -> None:
    loner = User.objects.create_user("loner@example.com", display_name="Lone")
    with pytest.raises(ImportRefused, match="which team"):
        imported(sample("fastly"), loner)


def test_fault_anywhere_keeps_nothing_of_the_file(alice: User) -> None:
    data = sample("fastly")
    data["timeline"][3]["at"] = "yesterday"
    data["severity"] = "SEV9"
    result = import_file(name="broken.json", content=json.dumps(data, indent=1).encode(), team=None, by=alice, now=NOW)
    assert len(result.faults) == 2
    assert all(fault.startswith("broken.json, line ") for fault in result.faults)
    assert any("timeline[3].at" in fault for fault in result.faults)
    assert Incident.objects.count() == 0


def test_failure_while_writing_rolls_the_whole_file_back(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise ImportRefused("no actions today")

    monkeypatch.setattr("actions.receivers.import_actions", fail)
    result = import_file(
        name="fastly.json", content=json.dumps(sample("fastly")).encode(), team=None, by=alice, now=NOW
    )
    assert result.faults == ["fastly.json: no actions today"]
    assert (Incident.objects.count(), Service.objects.count(), Postmortem.objects.count()) == (0, 0, 0)


# -- The command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.json").write_text(json.dumps(sample("fastly"), indent=1))
    (tmp_path / "bad.json").write_text('{\n "slug": "Not A Slug"\n}')
    (tmp_path / "notes.txt").write_text("not ours")
    return tmp_path


def test_command_imports_the_good_and_names_the_faults_of_the_bad(
    folder: Path, alice: User, team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="1 of 2 files"):
        call_command("import_incidents", str(folder), team="edge", by="alice@example.com")
    output = capsys.readouterr()
    assert Incident.objects.count() == 1
    assert "good.json: made INC-" in output.out
    assert "bad.json, line 2, slug" in output.err


def test_command_says_when_nothing_changed(folder: Path, alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.json").unlink()
    call_command("import_incidents", str(folder), by="alice@example.com")
    capsys.readouterr()
    call_command("import_incidents", str(folder), by="alice@example.com")
    assert "nothing changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "nobody@example.com"}, "nobody@example.com"),
        ({"by": "alice@example.com", "team": "unheard-of"}, "unheard-of"),
    ],
)
def test_command_names_a_wrong_argument(folder: Path, alice: User, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("import_incidents", str(folder), **arguments)


def test_command_says_that_a_path_is_missing(alice: User) -> None:
    with pytest.raises(CommandError, match=r"/no/such/folder"):
        call_command("import_incidents", "/no/such/folder", by="alice@example.com")


# -- The page ----------------------------------------------------------------------------------------------------------


def upload(*files: tuple[str, bytes]) -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(name, content, content_type="application/json") for name, content in files]


def test_page_imports_several_files_and_lists_the_faults(client: Any, alice: User, team: Team) -> None:
    client.force_login(alice)
    good = json.dumps(sample("slack")).encode()
    files = upload(("good.json", good), ("broken.json", b'{\n "slug": 5,\n'), ("latin.json", b"\xff\xfe\x00"))
    response = client.post("/incidents/import/", {"documents": files, "team": team.pk})
    page = response.content.decode()
    assert response.status_code == 422
    assert Incident.objects.get().import_key == "slack-2021-01-04-unavailable"
    assert "broken.json, line " in page
    assert "latin.json, line 1: not UTF-8" in page
    assert Incident.objects.get().reference in page


def test_page_answers_all_good_files_with_their_incidents(client: Any, alice: User, team: Team) -> None:
    client.force_login(alice)
    files = upload(*((path.name, path.read_bytes()) for path in SAMPLES))
    response = client.post("/incidents/import/", {"documents": files, "team": team.pk})
    assert response.status_code == 200
    assert Incident.objects.count() == 12


def test_page_refuses_a_file_too_large_to_read(client: Any, alice: User, team: Team) -> None:
    client.force_login(alice)
    response = client.post("/incidents/import/", {"documents": upload(("big.json", b" " * 1_000_001)), "team": team.pk})
    assert "big.json: the file has 1,000,001 bytes" in response.content.decode()


def test_page_asks_for_files(client: Any, alice: User, team: Team) -> None:
    client.force_login(alice)
    response = client.post("/incidents/import/", {"team": team.pk})
    assert response.status_code == 422
    assert "Choose at least one file" in response.content.decode()


def test_page_offers_only_own_teams(client: Any, alice: User, mallory: User) -> None:
    client.force_login(alice)
    response = client.post(
        "/incidents/import/",
        {"documents": upload(("a.json", json.dumps(sample("slack")).encode())), "team": mallory.teams.get().pk},
    )
    assert response.status_code == 422
    assert Incident.objects.count() == 0


def test_page_tells_a_person_without_a_team_what_to_do(client: Any, db: None) -> None:
    client.force_login(User.objects.create_user("loner@example.com", display_name="Lone"))
    assert "You are in no team yet" in client.get("/incidents/import/").content.decode()
    response = client.post("/incidents/import/", {"documents": upload(("a.json", b"{}"))})
    assert response.status_code == 403


def test_file_name_cannot_inject_markup(client: Any, alice: User, team: Team) -> None:
    client.force_login(alice)
    files = upload(("<img src=x onerror=alert(1)>.json", b"{}"))
    page = client.post("/incidents/import/", {"documents": files, "team": team.pk}).content.decode()
    assert "<img src=x" not in page


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff", "\\u0000", "\\u0007", "\\u200b", "\\ud83d\\udd25"])
@pytest.mark.parametrize("field", ["title", "summary", "services", "glossary"])
def test_characters_that_cannot_be_kept_are_refused_or_harmless(escape: str, field: str, alice: User) -> None:
    document = json.loads(SAMPLES[0].read_text())
    words = {"services": ["CANARY x"], "glossary": {"CANARY x": "CANARY x"}}.get(field, "CANARY x")
    text = json.dumps({**document, field: words}).replace("CANARY", escape)
    result = import_file(name="odd.json", content=text.encode(), team=None, by=alice, now=NOW)
    if result.outcome is None:
        assert result.faults
        assert result.faults[0].startswith("odd.json")
        assert field in result.faults[0]
        assert not Incident.objects.exists()
    else:
        assert escape in {"\\u200b", "\\ud83d\\udd25"}
