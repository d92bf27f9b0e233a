"""Out of one Debrief and into an empty one: nothing is lost, nobody is told, and nothing half-way stays."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts.enums import Visibility
from accounts.models import Arrival, AuditEntry, Invitation, Team, User
from accounts.portable.kinds import NOT_EXPORTED, all_kinds, forgotten_models
from accounts.portable.reading import read_organisation
from accounts.secrets import SealedField
from actions import tasks as action_tasks
from actions.jira import inbound
from actions.models import ActionItem, ItemSync, JiraConnection
from config.celery import app
from incidents.models import Incident
from postmortems import tasks as postmortem_tasks
from postmortems.collab import store
from postmortems.models import Attachment, Meeting, News, Perspective, Postmortem, Section, Template
from tests.portable import (
    ODD,
    archive_of,
    contents_of,
    lines_of,
)
from tests.web import shared_environment

pytestmark = pytest.mark.django_db
WEDNESDAY = datetime(2026, 12, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def imported(archive: Path) -> Path:
    """The archive, and a Debrief that was filled with it on a Wednesday morning."""
    with archive.open("rb") as opened:
        read_organisation(opened, now=WEDNESDAY)
    return archive


# -- Nothing is lost ---------------------------------------------------------------------------------------------------


def test_every_model_is_exported_or_named_with_a_reason() -> None:
    assert forgotten_models() == []
    known = {model._meta.label for model in apps.get_models()}
    assert set(NOT_EXPORTED) - known == set()


def test_every_column_left_out_is_one(archive: Path) -> None:
    for kind in all_kinds():
        columns = {each.name for each in kind.model._meta.concrete_fields}
        assert set(kind.left_out) - columns == set(), kind.name
        assert set(kind.fills) - set(kind.left_out) == set(), kind.name


def test_what_the_archive_was_made_of_leaves_no_number_to_be_given_twice(archive: Path) -> None:
    for model in (Template, AuditEntry):
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [model._meta.db_table])
            assert not model._default_manager.filter(pk=cursor.fetchone()[0]).exists()


def test_there_is_a_line_of_every_kind(archive: Path) -> None:
    assert [kind.name for kind in all_kinds() if not lines_of(archive, kind.name)] == []


def test_what_is_imported_by_command_elsewhere_is_exported_equal(archive: Path, tmp_path: Path) -> None:
    """Over a database and a folder of its own, each step in a process of its own."""
    with other_debrief(tmp_path) as manage:
        manage("migrate", "--verbosity=0")
        said = manage("import_organisation", str(archive))
        manage("export_organisation", str(tmp_path / "again.zip"))
    before, after = contents_of(archive), contents_of(tmp_path / "again.zip")
    assert sorted(before) == sorted(after)
    assert {name for name in before if before[name] != after[name]} == set()
    assert "Nobody has a password here" in said


class OtherDebrief:
    """A database beside the test's own, with its folder of files."""

    def __init__(self, folder: Path) -> None:
        self.name = f"{connection.settings_dict['NAME']}_other"
        url = urlsplit(shared_environment()["DATABASE_URL"])
        self.environment = shared_environment() | {
            "DATABASE_URL": url._replace(path=f"/{self.name}").geturl(),
            "FILES_ROOT": str(folder / "files"),
        }

    def __enter__(self) -> Callable[..., str]:
        self._say(f'CREATE DATABASE "{self.name}"')
        return self._manage

    def __exit__(self, *_: object) -> None:
        self._say(f'DROP DATABASE "{self.name}" WITH (FORCE)')

    def _say(self, statement: str) -> None:
        with connection._nodb_cursor() as cursor:
            cursor.execute(statement)

    def _manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def other_debrief(folder: Path) -> OtherDebrief:
    return OtherDebrief(folder)


def test_numbers_of_what_was_deleted_are_given_to_nothing_else(archive: Path, tmp_path: Path) -> None:
    changed = archive_of(archive, tmp_path, manifest=lambda told: told["kinds"]["incidents"].update(last_id=4711))
    with changed.open("rb") as opened:
        read_organisation(opened, now=WEDNESDAY)
    person, team = User.objects.all()[0], Team.objects.all()[0]
    made = Incident.objects.create(title="Next", team=team, created_by=person, occurred_at=WEDNESDAY)
    assert made.reference == "INC-4712"


def test_what_people_type_live_is_as_it_was(imported: Path) -> None:
    section = Section.objects.get(pk=live_section_id(imported))
    text = store.load(section.postmortem_id).document.text(section.pk)
    assert text.startswith("And this, later. " + ODD.replace("\r\n", "\n"))


def live_section_id(path: Path) -> str:
    [head] = lines_of(path, "live_texts")
    of_it = [line for line in lines_of(path, "sections") if line["postmortem"] == head["postmortem"]]
    return str(min(of_it, key=lambda line: line["position"])["id"])


def test_files_are_byte_for_byte_what_they_were(imported: Path) -> None:
    inside = contents_of(imported)
    kept = {each.file.name: Path(each.file.path).read_bytes() for each in Attachment.objects.all()}
    assert kept == {
        name.removeprefix("files/"): content for name, content in inside.items() if name.startswith("files/")
    }
    assert len(kept) == 3


def test_what_is_searched_for_is_found(imported: Path, as_user: Callable[[User], Client]) -> None:
    owner = User.objects.get(email="owner@example.com")
    for kind, words in (("incident", "Outage canaryteam"), ("postmortem", "Learning canaryteam"), ("action", "ACT-1")):
        found = as_user(owner).get("/search/", {"q": words, "kind": kind}).content.decode()
        assert f"/{kind}s/" in found, kind


def test_pages_open(imported: Path, as_user: Callable[[User], Client]) -> None:
    owner = as_user(User.objects.get(email="owner@example.com"))
    postmortem = Postmortem.objects.get(title="Learning canaryorganisation")
    meeting = Meeting.objects.get(postmortem=postmortem)
    told = {
        "/": "",
        f"/postmortems/{postmortem.pk}/write/": "Text canaryorganisation",
        f"/postmortems/{postmortem.pk}/read/": "Text canaryorganisation",
        f"/postmortems/{postmortem.pk}/history/": "Name canaryorganisation",
        f"/meetings/{meeting.pk}/minutes/": "Parked canaryorganisation",
        f"/incidents/{postmortem.incident_id}/": "Event canaryorganisation",
        "/actions/": "Action canaryorganisation",
        "/actions/dashboard/": "",
    }
    answers = {address: owner.get(address) for address in told}
    assert {address: answer.status_code for address, answer in answers.items()} == dict.fromkeys(told, 200)
    for address, words in told.items():
        assert words in answers[address].content.decode(), address


def test_restricted_stays_restricted(imported: Path, as_user: Callable[[User], Client]) -> None:
    restricted = Postmortem.objects.get(title="Learning canaryrestricted")
    address = f"/postmortems/{restricted.pk}/read/"
    seen = {
        name: as_user(User.objects.get(email=f"{name}@example.com")).get(address).status_code
        for name in ("owner", "administrator", "mallory")
    }
    assert seen == {"owner": 200, "administrator": 404, "mallory": 404}
    assert Perspective.objects.filter(postmortem=restricted, shared_at=None).exists()


def test_a_file_that_was_lost_before_is_said_to_be_missing(archive: Path, tmp_path: Path) -> None:
    name = min(each for each in contents_of(archive) if each.startswith("files/"))
    told = [json.loads(line) for line in contents_of(archive)["files.jsonl"].splitlines()]
    for each in told:
        if f"files/{each['file']}" == name:
            each.update(bytes=None, sha256=None)
    lines = "".join(json.dumps(each) + "\n" for each in told).encode()
    changed = archive_of(archive, tmp_path, {"files.jsonl": lines, name: None})
    error = io.StringIO()
    call_command("import_organisation", str(changed), stderr=error)
    assert f"{name.removeprefix('files/')} was missing already" in error.getvalue()


# -- What does not travel ----------------------------------------------------------------------------------------------


def test_no_secret_is_in_it(archive: Path) -> None:
    whole = b"".join(contents_of(archive).values()).decode(errors="replace")
    assert "sealed-by-no-key" not in whole
    assert "0" * 64 not in whole, "the digest of an invitation's token"
    assert "pbkdf2" not in whole
    assert "scrypt" not in whole
    assert "argon2" not in whole
    sealed = [kind.name for kind in all_kinds() if any(isinstance(each, SealedField) for each in kind.columns.values())]
    assert sealed == []


def test_nobody_has_a_password_and_open_invitations_lead_nowhere(imported: Path) -> None:
    assert [person.email for person in User.objects.all() if person.has_usable_password()] == []
    assert Invitation.objects.exclude(token_digest="0" * 64).count() == 1


def test_somebody_sets_a_password_by_mail_and_signs_in(imported: Path, client: Client) -> None:
    client.post("/accounts/password/reset/", {"email": "owner@example.com"})
    [letter] = mail.outbox
    link = next(word for word in str(letter.body).split() if "/password/reset/key/" in word)
    form = client.get(urlsplit(link).path, follow=True)
    words = "a new and rather long one"
    client.post(form.redirect_chain[-1][0], {"password1": words, "password2": words})
    client.post("/accounts/login/", {"login": "owner@example.com", "password": words})
    assert client.session["_auth_user_id"] == str(User.objects.get(email="owner@example.com").pk)


def test_a_jira_is_paused_until_it_has_its_secret(imported: Path) -> None:
    connection = JiraConnection.objects.get()
    assert (connection.secret, connection.hook_secret, connection.told_at) == ("", "", WEDNESDAY)
    assert "without its secret" in connection.paused_reason
    ItemSync.objects.update(due_at=WEDNESDAY)
    later = WEDNESDAY + timedelta(days=3)
    assert (inbound.due_connections(now=later), inbound.poll_due(now=later)) == ([], [])


# -- What an administrator's archive holds -----------------------------------------------------------------------------


def test_it_holds_what_the_administrator_may_see_and_no_more(archives: dict[str, Path]) -> None:
    whole, seen = (
        b"".join(contents_of(archives[name]).values()).decode(errors="replace") for name in ("whole", "seen")
    )
    for canary, is_seen in (
        ("Learning canaryorganisation", True),
        ("Learning canaryteam", True),
        ("canaryrestricted", False),
        ("Perspective canaryorganisation", False),
        ('"name": "Mine", "query": "owner=me"', False),
    ):
        assert canary in whole, canary
        assert (canary in seen) == is_seen, canary
    assert "restricted to others" in contents_of(archives["seen"])["manifest.json"].decode()


def test_a_reference_to_what_is_hidden_is_left_empty(archives: dict[str, Path]) -> None:
    for name, is_told in (("whole", True), ("seen", False)):
        [line] = [
            each for each in lines_of(archives[name], "incidents") if each["title"] == "Outage canaryorganisation"
        ]
        assert (line["repeat_of"] is not None) == is_told


def test_what_is_one_persons_own_is_theirs_alone(archives: dict[str, Path]) -> None:
    [administrator] = [
        each for each in lines_of(archives["seen"], "people") if each["email"] == "administrator@example.com"
    ]
    for kind in all_kinds():
        if kind.own:
            assert lines_of(archives["whole"], kind.name), kind.name
            assert {each[kind.own] for each in lines_of(archives["seen"], kind.name)} <= {administrator["id"]}, (
                kind.name
            )
        if kind.is_whole_only:
            assert lines_of(archives["seen"], kind.name) == []


def test_it_can_be_imported_too(archives: dict[str, Path]) -> None:
    call_command("import_organisation", str(archives["seen"]))
    assert Postmortem.objects.filter(title="Learning canaryteam").exists()
    assert not Incident.objects.filter(visibility=Visibility.RESTRICTED).exists()


# -- Nobody is told ----------------------------------------------------------------------------------------------------


def sweep_everything(monkeypatch: pytest.MonkeyPatch, now: datetime) -> list[str]:
    """Everything the beat asks for that may mail, at `now`; to whom something went."""
    mail.outbox.clear()
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    for task in (
        action_tasks.remind,
        action_tasks.sync_due,
        action_tasks.poll_jira,
        postmortem_tasks.tell_attendees,
        postmortem_tasks.tell_followers,
        postmortem_tasks.mail_comments,
    ):
        task.apply(throw=True)
    return sorted({address for letter in mail.outbox for address in letter.to})


@pytest.fixture
def _at_once() -> Iterator[None]:
    """Tasks that a task asks for are done within it."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.mark.usefixtures("_at_once")
def test_nobody_is_mailed_because_of_an_import(imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Postmortem.objects.filter(title="Learning canaryorganisation").update(
        state="published", published_at=WEDNESDAY - timedelta(hours=2)
    )
    late = ActionItem.objects.filter(title="Action canaryorganisation")
    late.update(due_on=WEDNESDAY.date() - timedelta(days=10), due_set_at=WEDNESDAY - timedelta(days=30))
    News.objects.all().delete()
    for hours in (1, 4, 15):
        assert sweep_everything(monkeypatch, WEDNESDAY + timedelta(hours=hours)) == []
        assert not News.objects.filter(planned_at__gt=WEDNESDAY).exists(), "nor is a channel told"
    assert len(sweep_everything(monkeypatch, WEDNESDAY + timedelta(hours=28))) > 3, "the day after, it goes on"


@pytest.mark.usefixtures("_at_once")
def test_without_the_note_of_the_import_people_would_be_mailed(imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above rests on."""
    Arrival.objects.all().delete()
    Postmortem.objects.filter(title="Learning canaryorganisation").update(
        state="published", published_at=WEDNESDAY - timedelta(hours=2)
    )
    News.objects.all().delete()
    assert len(sweep_everything(monkeypatch, WEDNESDAY + timedelta(hours=4))) > 3
    assert News.objects.filter(planned_at__gt=WEDNESDAY).exists()


# -- The commands ------------------------------------------------------------------------------------------------------


def test_a_debrief_in_use_takes_no_archive(archive: Path) -> None:
    User.objects.create_user("first@example.com")
    with pytest.raises(CommandError, match=r"in use: it has people already \(1\)\..*Nothing was changed"):
        call_command("import_organisation", str(archive))
    assert User.objects.count() == 1


def test_built_in_templates_are_replaced_not_doubled(imported: Path) -> None:
    assert Template.objects.count() == len(lines_of(imported, "templates"))


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_text("precious")
    with pytest.raises(CommandError, match="is there already: nothing was written"):
        call_command("export_organisation", str(tmp_path / "there.zip"))
    assert (tmp_path / "there.zip").read_text() == "precious"


def test_an_archive_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.zip cannot be read: No such file or directory"):
        call_command("import_organisation", str(tmp_path / "none.zip"))


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_taking_everything_out_is_audited_and_the_file_is_its_owners(tmp_path: Path) -> None:
    call_command("export_organisation", str(tmp_path / "out.zip"))
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.object_label, entry.details["lines"] > 10) == (
        "organisation.exported",
        "Everything, by command",
        True,
    )
    assert os.stat(tmp_path / "out.zip").st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["out.zip"]


def test_a_line_is_read_without_debrief(archive: Path) -> None:
    """The words of docs/export.md, in the archive itself."""
    [line] = [each for each in lines_of(archive, "actions") if each["title"] == "Action canaryorganisation"]
    assert (line["impact"], line["effort"], line["due_on"], line["labels"]) == (
        "high",
        "low",
        "2026-05-01",
        ["a", "b-c"],
    )
    [incident] = [each for each in lines_of(archive, "incidents") if each["title"] == "Outage canaryorganisation"]
    assert incident["impact_started_at"] == "2026-04-01T12:00:00Z"
    [series] = [each for each in lines_of(archive, "metric_series") if each["values"][0] == 0.1]
    assert series["times"] == [1.5, 2.25, 3e9]
