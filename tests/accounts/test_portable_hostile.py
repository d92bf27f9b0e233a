"""Archives that nobody's Debrief made: a sentence that says where and why, and nothing is changed."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from accounts.models import Arrival, User
from accounts.portable.archive import BadArchive
from accounts.portable.codecs import Unfit
from accounts.portable.kinds import all_kinds, kind_named
from accounts.portable.reading import DebriefInUse, read_organisation
from incidents.models import Incident, PolicyRule
from postmortems.models import Template
from tests.portable import archive_of, contents_of, lines_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def files(archive: Path) -> dict[str, bytes]:
    return contents_of(archive)


def refused(path: Path) -> str:
    """What is said against an archive; nothing may have come of it."""
    before = (Template.objects.count(), PolicyRule.objects.count(), kept_files())
    with path.open("rb") as opened, pytest.raises(BadArchive) as caught:
        read_organisation(opened, now=timezone.now())
    assert (User.objects.count(), Incident.objects.count(), Arrival.objects.count()) == (0, 0, 0)
    assert (Template.objects.count(), PolicyRule.objects.count(), kept_files()) == before
    return str(caught.value)


def kept_files() -> list[str]:
    return sorted(str(each) for each in Path(settings.FILES_ROOT).glob("attachments/*/*"))


def with_line(
    archive: Path, folder: Path, kind: str, change: Callable[[dict[str, Any]], object], *, at: int = 0
) -> Path:
    """The archive with one line of a kind changed, and its sums right."""
    lines = lines_of(archive, kind)
    change(lines[at])
    return archive_of(archive, folder, {f"{kind}.jsonl": written(lines)})


def written(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


# -- The file itself ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"GIF89a", b"\x00" * 1000, b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd").write_bytes(content)
    assert "no archive of Debrief" in refused(tmp_path / "odd")


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.999])
def test_half_an_archive_is_none(archive: Path, tmp_path: Path, part: float) -> None:
    content = archive.read_bytes()
    (tmp_path / "half").write_bytes(content[: int(len(content) * part)])
    assert "no archive of Debrief" in refused(tmp_path / "half")


def test_a_bit_that_fell_over_is_noticed(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo("sections.jsonl")
    content = bytearray(archive.read_bytes())
    content[info.header_offset + info.compress_size // 2] ^= 4
    (tmp_path / "flipped").write_bytes(content)
    assert refused(tmp_path / "flipped").startswith("sections.jsonl: ")


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/cron.d/x", "/etc/passwd", "files/../../x", "files/attachments/ab/../../../x", "C:\\x",
        "x/../people.jsonl", "files/attachments/ab/" + "0" * 31 + "\x00", "files/attachments/ab", "people.json",
        "files/attachments/AB/" + "0" * 32,
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(archive: Path, tmp_path: Path, name: str) -> None:
    said = refused(archive_of(archive, tmp_path, {name: b"x"}))
    assert "which no archive of Debrief has" in said or "does not name it" in said


def test_a_file_that_is_in_it_twice_is_refused(archive: Path, tmp_path: Path) -> None:
    path = archive_of(archive, tmp_path)
    with zipfile.ZipFile(path, "a") as opened, pytest.warns(UserWarning, match="Duplicate name"):
        opened.writestr("people.jsonl", b"")
    assert refused(path) == "people.jsonl: It is in the archive twice."


def test_what_would_fill_the_disk_is_not_unpacked(archive: Path, tmp_path: Path) -> None:
    said = refused(archive_of(archive, tmp_path, {"comments.jsonl": b"\n" * (40 * 1024 * 1024)}))
    assert said == "comments.jsonl: It would unpack to 41,943,040 bytes: that is no honest archive."


def test_what_says_it_is_small_and_is_not_is_refused(archive: Path, tmp_path: Path) -> None:
    """The sizes in a zip's own directory are as little to be believed as anything else."""
    path = archive_of(archive, tmp_path)
    content = bytearray(path.read_bytes())
    at = content.rindex(b"comments.jsonl") - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    content[at + 24 : at + 28] = struct.pack("<L", 10)
    path.write_bytes(content)
    assert refused(path).startswith("comments.jsonl: ")


def test_packed_in_another_way_is_refused(archive: Path, tmp_path: Path) -> None:
    path = archive_of(archive, tmp_path, {"comments.jsonl": None})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as opened:
        opened.writestr("comments.jsonl", b"")
    assert "packed in a way that is not read here" in refused(path)


# -- The manifest ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.update(format="other"), "This is no archive of an organisation's data."),
        (lambda told: told.update(version="1"), "does not say the version"),
        (lambda told: told.update(version=True), "does not say the version"),
        (
            lambda told: told.update(version=2, product="9.0"),
            "The archive has format 2, made by Debrief 9.0; this Debrief reads up to format 1. Bring it up to date",
        ),
        (lambda told: told.update(kinds=[]), "does not name the kinds"),
        (lambda told: told.update(made_at="yesterday"), "made_at: this has to be a moment"),
        (lambda told: told["kinds"].update(robots={**told["files"], "file": "robots.jsonl"}), "“robots”, which this"),
        (lambda told: told["kinds"]["people"].update(file="teams.jsonl"), "does not say what people.jsonl is"),
        (lambda told: told["kinds"]["people"].update(lines=-1), "does not say how much people.jsonl holds"),
        (lambda told: told["kinds"]["people"].update(sha256="x"), "has no SHA-256 of people.jsonl"),
        (lambda told: told["kinds"]["people"].update(sha256="0" * 64), "people.jsonl: It is not what the manifest"),
        (lambda told: told["kinds"]["people"].update(lines=1), "people.jsonl: It is not what the manifest"),
        (lambda told: told["kinds"].pop("people"), "people.jsonl: The manifest does not name it"),
        (lambda told: told.update(files=None), "does not say what files.jsonl is"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_wrong_is_refused(
    archive: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    assert said in refused(archive_of(archive, tmp_path, manifest=change))


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}', b"{}" * 600_000])
def test_a_manifest_that_is_none_is_refused(archive: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("manifest.json", content)
    assert refused(path).startswith("manifest.json: ")


def test_a_kind_that_is_missing_altogether_is_refused(archive: Path, tmp_path: Path) -> None:
    assert refused(archive_of(archive, tmp_path, {"teams.jsonl": None})) == "teams.jsonl: It is missing."


# -- Lines -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"nonsense", "This is not JSON"),
        (b"[1]", "This has to be a JSON object."),
        (b'{"id": 1, "id": 2}', "A name stands twice in one object."),
        (b'{"id": Infinity}', "Infinity is no number of json"),
        (b'{"id": ' + b"9" * 5000 + b"}", "a number of too many digits"),
        (b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "It is nested too deeply."),
        (b'{"display_name": "\xff"}', "This is not UTF-8"),
        (b'{"display_name": "a\\u0000b"}', "Text cannot hold the character"),
        (b'{"display_name": "\\ud800"}', "Text cannot hold half a surrogate pair"),
        (b"", "This is not JSON"),
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_named(
    archive: Path, tmp_path: Path, files: dict[str, bytes], line: bytes, said: str
) -> None:
    first, *rest = files["people.jsonl"].splitlines(keepends=True)
    path = archive_of(archive, tmp_path, {"people.jsonl": first + line + b"\n" + b"".join(rest)})
    answer = refused(path)
    assert answer.startswith("people.jsonl, line 2: ")
    assert said.lower() in answer.lower()


def test_a_line_without_an_end_is_not_kept_in_memory(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.portable.archive.LONGEST_LINE", 50_000)
    path = with_line(archive, tmp_path, "sections", lambda line: line.update(body="x" * 50_000))
    assert refused(path) == "sections.jsonl, line 1: It is too long."


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("people", {"id": "one"}, "id: this has to be a whole number"),
        ("people", {"id": True}, "id: this has to be a whole number"),
        ("people", {"id": None}, "id: this cannot be missing"),
        ("people", {"id": 2**70}, "id: Ensure this value is less than or equal to"),
        ("people", {"email": "no address"}, "email: Enter a valid email address"),
        ("people", {"timezone": "Mars/Olympus"}, "timezone: “Mars/Olympus” is not a time zone we know"),
        ("people", {"is_active": 1}, "is_active: this has to be true or false"),
        ("people", {"password": "x"}, "“password” is no field of people"),
        ("people", {"created_at": "2026-04-01T12:00:00"}, "created_at: this has to be a moment with its offset"),
        ("people", {"created_at": "0001-01-01T00:00:00+14:00"}, "created_at: this has to be a moment"),
        ("people", {"display_name": ""}, "It breaks the rule “accounts_user_named”."),
        ("people", {"display_name": "x" * 101}, "display_name: Ensure this value has at most 100 characters"),
        ("teams", {"slug": "not a slug"}, "slug: Enter a valid “slug”"),
        ("memberships", {"role": "king"}, "role: “king” is none of manager, member"),
        ("memberships", {"team": 4711}, "team: there is no such row in teams.jsonl."),
        ("incidents", {"severity": "SEV9"}, "severity: “SEV9” is none of SEV0"),
        ("incidents", {"services": [4711]}, "services: there is no such row in services.jsonl."),
        ("incidents", {"services": "all"}, "services: this has to be a list"),
        ("incidents", {"services": [1, 1]}, "services: something is named twice"),
        ("incidents", {"visibility": "secret"}, "visibility: “secret” is none of"),
        ("incidents", {"resolved_at": "1990-01-01T00:00:00Z", "impact_started_at": "2026-01-01T00:00:00Z"},
         "It breaks the rule “incidents_incident_ends_after_start”."),
        ("incidents", {"search": "x"}, "“search” is no field of incidents"),
        ("sections", {"id": "x"}, "id: this has to be a UUID"),
        ("sections", {"kind": "timeline", "body": "x"}, "the rule “postmortems_section_only_prose_has_text”."),
        ("threads", {"anchor": []}, "anchor: this has to be an object"),
        ("attachments", {"file": "../../x"}, "file: this is not how files are named here"),
        ("attachments", {"content_type": "text/html\r\nX: y"}, "content_type: this is no content type"),
        ("section_revisions", {"authors": [[1, "7"]]}, "authors: this has to be a list of pairs of whole numbers"),
        ("metric_series", {"times": [True]}, "times: this has to be a list of numbers"),
        ("metric_series", {"times": [10**400]}, "times: there is a number too large for eight bytes in it"),
        ("live_text_updates", {"data": "not base64!"}, "data: this has to be base64"),
        ("agenda", {"spent": "soon"}, "spent: this has to be a duration"),
        ("actions", {"impact": 3}, "impact: this has to be one of low, medium, high"),
        ("actions", {"due_on": "2026-02-30"}, "due_on: this has to be a day"),
        ("actions", {"labels": [1]}, "labels: this has to be text"),
        ("work_links", {"url": "javascript:alert(1)"}, "url: this has to be a web address"),
        ("jira_connections", {"site_url": "javascript:alert(1)"}, "site_url: this has to be a web address"),
        ("bulk_changes", {"made_at": None}, "made_at: this cannot be missing"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_named(
    archive: Path, tmp_path: Path, kind: str, change: dict[str, Any], said: str
) -> None:
    answer = refused(with_line(archive, tmp_path, kind, lambda line: line.update(change)))
    assert answer.startswith(f"{kind}.jsonl, line ")
    assert said in answer


def test_a_comment_in_a_thread_of_another_post_mortem_is_named(archive: Path, tmp_path: Path) -> None:
    here = lines_of(archive, "comments")[0]["postmortem"]
    elsewhere = next(each["id"] for each in lines_of(archive, "threads") if each["postmortem"] != here)
    answer = refused(with_line(archive, tmp_path, "comments", lambda line: line.update(thread=elsewhere)))
    assert answer == "comments.jsonl, line 1: thread: it belongs to another postmortem."


@pytest.mark.parametrize(
    ("kind", "field"), [("people", "id"), ("people", "email"), ("sections", "id"), ("memberships", "team")]
)
def test_a_field_that_is_missing_is_named(archive: Path, tmp_path: Path, kind: str, field: str) -> None:
    answer = refused(with_line(archive, tmp_path, kind, lambda line: line.pop(field)))
    assert answer == f"{kind}.jsonl, line 1: “{field}” is missing."


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("people", "accounts_user_pkey"),
        ("sections", "postmortems_section_pkey"),
        ("live_text_writers", "postmortems_documentwriter"),
    ],
)
def test_the_same_row_twice_is_named_by_its_line(archive: Path, tmp_path: Path, kind: str, said: str) -> None:
    lines = lines_of(archive, kind)
    answer = refused(archive_of(archive, tmp_path, {f"{kind}.jsonl": written([*lines, lines[0]])}))
    assert answer.startswith(f"{kind}.jsonl, line {len(lines) + 1}: It breaks the rule “{said}")


@pytest.mark.parametrize("kind", ["whys", "gates"])
def test_a_tree_that_bites_its_tail_is_refused(archive: Path, tmp_path: Path, kind: str) -> None:
    lines = lines_of(archive, kind)
    below = next(each for each in lines if each["parent"] is not None)
    above = next(each for each in lines if each["id"] == below["parent"])
    above["parent"] = below["id"]
    first = 1 + min(lines.index(above), lines.index(below))
    answer = refused(archive_of(archive, tmp_path, {f"{kind}.jsonl": written(lines)}))
    assert answer == f"{kind}.jsonl, line {first}: parent: it leads back to itself."


# -- Files -------------------------------------------------------------------------------------------------------------


def first_file(files: dict[str, bytes]) -> str:
    return min(name for name in files if name.startswith("files/"))


def test_a_file_that_was_changed_is_refused(archive: Path, tmp_path: Path, files: dict[str, bytes]) -> None:
    name = first_file(files)
    assert (
        refused(archive_of(archive, tmp_path, {name: b"other"}))
        == f"{name}: It is not what files.jsonl says: it was changed or damaged."
    )


def test_a_file_that_is_not_there_is_refused(archive: Path, tmp_path: Path, files: dict[str, bytes]) -> None:
    name = first_file(files)
    answer = refused(archive_of(archive, tmp_path, {name: None}))
    assert f"{name.removeprefix('files/')} is not in the archive" in answer


def test_a_file_of_no_row_is_refused(archive: Path, tmp_path: Path, files: dict[str, bytes]) -> None:
    name = "attachments/ab/" + "ab" * 16
    line = {"file": name, "bytes": 1, "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}
    listed = files["files.jsonl"] + json.dumps(line).encode() + b"\n"
    answer = refused(archive_of(archive, tmp_path, {"files.jsonl": listed, f"files/{name}": b"x"}))
    number = len(listed.splitlines())
    assert answer == f"files.jsonl, line {number}: No row has the file {name}."


def test_a_row_without_its_file_is_refused(archive: Path, tmp_path: Path, files: dict[str, bytes]) -> None:
    first, *rest = files["files.jsonl"].splitlines(keepends=True)
    name = json.loads(first)["file"]
    answer = refused(archive_of(archive, tmp_path, {"files.jsonl": b"".join(rest), f"files/{name}": None}))
    assert answer == f"files.jsonl: It lists {len(rest)} files, and the rows name {len(rest) + 1}."


def test_another_file_of_that_name_is_not_overwritten(archive: Path, files: dict[str, bytes]) -> None:
    name = first_file(files).removeprefix("files/")
    default_storage.delete(name)
    path = Path(default_storage.path(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"precious")
    with archive.open("rb") as opened, pytest.raises(DebriefInUse, match="has another"):
        read_organisation(opened, now=timezone.now())
    assert path.read_bytes() == b"precious"
    path.unlink()


# -- Anything at all ---------------------------------------------------------------------------------------------------

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["", "0", "../x", "2026-01-01", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@profile(max_examples=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_field_is_read_or_refused(
    archive: Path, sample: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(sample)))
    line = dict(sample[name])
    line[data.draw(st.sampled_from(sorted(line)))] = data.draw(ODD)
    kind = kind_named(name)
    assert kind
    with suppress(Unfit):
        kind.row(line, now=timezone.now())


@pytest.fixture(scope="module")
def sample(archive: Path) -> dict[str, dict[str, Any]]:
    """A line of each kind."""
    return {kind.name: lines_of(archive, kind.name)[0] for kind in all_kinds()}


@profile(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_change_of_an_archive_is_taken_or_refused(
    archive: Path, tmp_path: Path, sample: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    """A value of one row moved to another, or something odd: the database takes the row or the sentence names it."""
    kind = data.draw(st.sampled_from(sorted(sample)))
    lines = lines_of(archive, kind)
    at = data.draw(st.integers(0, len(lines) - 1))
    field = data.draw(st.sampled_from(sorted(lines[at])))
    other = data.draw(st.sampled_from(lines))
    odd = st.none() | st.integers(-1, 10) | st.text(alphabet=st.characters(codec="utf-8"), max_size=5)
    lines[at][field] = data.draw(st.just(other[field]) | odd)
    path = archive_of(archive, tmp_path, {f"{kind}.jsonl": written(lines)})
    before = transaction.savepoint()
    try:
        with path.open("rb") as opened:
            read_organisation(opened, now=timezone.now())
        connection.check_constraints()
    except BadArchive:
        pass
    finally:
        transaction.savepoint_rollback(before)
