"""The page's archive: what this administrator may see and no more, for them alone, for a day."""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.enums import Visibility
from accounts.models import AuditEntry, Export, User
from accounts.portable.writing import hold_alone, write_organisation
from accounts.services import export as services
from postmortems.models import Perspective, Postmortem
from tests.factories.accounts import UserFactory
from tests.factories.postmortems import IncidentFactory, PostmortemFactory, SectionFactory
from tests.people import Organisation
from tests.portable import contents_of, lines_of
from tests.web import shared_environment

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PAGE = "/administration/export/"


@pytest.fixture
def asked(as_user: As, administrator: User) -> Export:
    as_user(administrator).post(f"{PAGE}ask/")
    return Export.objects.get()


@pytest.fixture
def made(asked: Export) -> Export:
    assert services.make_export(asked.pk, now=timezone.now())
    asked.refresh_from_db()
    return asked


def text_of(content: bytes, folder: Path) -> str:
    """Everything an archive says."""
    path = folder / "fetched.zip"
    path.write_bytes(content)
    return b"".join(contents_of(path).values()).decode(errors="replace")


def fetched(client: Client, export: Export) -> bytes:
    answer = client.get(f"{PAGE}{export.pk}/download/")
    assert answer["Content-Disposition"] == f'attachment; filename="debrief-{export.asked_at:%Y-%m-%d}.zip"'
    return bytes(answer.getvalue())


# -- No way round the gate ---------------------------------------------------------------------------------------------


def test_it_holds_what_they_may_see_when_it_is_made(
    as_user: As, organisation: Organisation, asked: Export, tmp_path: Path
) -> None:
    incident = IncidentFactory.create(team=organisation.team, created_by=organisation.alice, title="Was open")
    postmortem = PostmortemFactory.create(incident=incident, owner=organisation.alice)
    SectionFactory.create(postmortem=postmortem, body="nightjarcanary")
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    services.make_export(asked.pk, now=timezone.now())
    told = text_of(fetched(as_user(organisation.administrator), asked), tmp_path)
    assert ("Was open" in told, "nightjarcanary" in told) == (True, False)


def test_what_is_restricted_and_theirs_is_in_it_and_noted(
    as_user: As, organisation: Organisation, asked: Export, tmp_path: Path
) -> None:
    ada = organisation.administrator
    incident = IncidentFactory.create(team=organisation.team, created_by=ada, visibility=Visibility.RESTRICTED)
    IncidentFactory.create(team=organisation.team, created_by=ada, repeat_of=incident)
    postmortem = PostmortemFactory.create(incident=incident, owner=ada)
    Perspective.objects.create(
        postmortem=postmortem, person=organisation.bob, asked_by=ada, asked_at=timezone.now(), text="dottereltext"
    )
    services.make_export(asked.pk, now=timezone.now())
    told = text_of(fetched(as_user(ada), asked), tmp_path)
    assert (incident.title in told, "dottereltext" in told) == (True, False)
    noted = AuditEntry.objects.filter(verb="restricted.exported", actor=ada).values_list("object_label", flat=True)
    assert sorted(noted) == sorted([incident.reference, postmortem.reference])


def test_it_is_there_for_whoever_asked_and_nobody_else(
    as_user: As, administrator: User, mallory: User, made: Export
) -> None:
    other = UserFactory.create(is_administrator=True)
    for address in ("", "download/"):
        seen = {}
        for person in (administrator, other, mallory):
            answer = as_user(person).get(f"{PAGE}{made.pk}/{address}")
            answer.close()
            seen[person.email] = answer.status_code
        assert seen == {administrator.email: 200, other.email: 404, mallory.email: 404}
    assert str(made.pk) not in as_user(other).get(PAGE).content.decode()
    assert as_user(other).post(f"{PAGE}{made.pk}/delete/").status_code == 404
    assert Export.objects.filter(pk=made.pk).exists()


def test_whoever_is_no_administrator_any_more_gets_none(as_user: As, administrator: User, asked: Export) -> None:
    User.objects.filter(pk=administrator.pk).update(is_administrator=False)
    assert not services.make_export(asked.pk, now=timezone.now())
    assert not Export.objects.exists()


def test_an_archive_that_was_made_is_closed_to_who_was_dismissed(
    as_user: As, administrator: User, made: Export
) -> None:
    client = as_user(administrator)
    User.objects.filter(pk=administrator.pk).update(is_administrator=False)
    assert client.get(f"{PAGE}{made.pk}/download/").status_code == 404


# -- Asked for, made, fetched, gone ------------------------------------------------------------------------------------


def test_everything_about_it_is_audited(as_user: As, administrator: User, made: Export) -> None:
    fetched(as_user(administrator), made)
    as_user(administrator).post(f"{PAGE}{made.pk}/delete/")
    verbs = AuditEntry.objects.filter(object_id=str(made.pk)).order_by("pk").values_list("verb", "actor")
    assert [*verbs] == [(f"export.{verb}", administrator.pk) for verb in ("asked", "made", "downloaded", "deleted")]


def test_two_clicks_ask_for_one(as_user: As, administrator: User, asked: Export) -> None:
    answer = as_user(administrator).post(f"{PAGE}ask/", follow=True)
    assert "One is being made already" in answer.content.decode()
    assert Export.objects.count() == 1


def test_the_page_says_how_far_it_is_and_when_it_is_ready(as_user: As, administrator: User, asked: Export) -> None:
    client, address = as_user(administrator), f"{PAGE}{asked.pk}/"
    before = client.get(address).content.decode()
    assert ("a worker begins soon" in before, "every 2s" in before) == (True, True)
    cache.set(f"export:{asked.pk}", (1_500, 3_000))
    assert '<progress max="100" value="50"' in client.get(address).content.decode()
    services.make_export(asked.pk, now=timezone.now())
    after = client.get(address).content.decode()
    assert ("download/" in after, "every 2s" in after) == (True, False)


def test_only_one_of_two_workers_makes_it(made: Export) -> None:
    assert not services.make_export(made.pk, now=timezone.now())
    assert len(kept()) == 1


def test_nobody_makes_what_somebody_is_making(asked: Export) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [services._number(asked.pk)])
        assert not services.make_export(asked.pk, now=timezone.now())
        asked.refresh_from_db()
        assert (asked.attempts, asked.ready_at, kept()) == (0, None, [])
        # Closing the connection gives the lock back too, only some time after close() has returned.
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [services._number(asked.pk)])
    finally:
        other.close()
    assert services.make_export(asked.pk, now=timezone.now()), "whoever held it is gone"


def test_what_was_deleted_while_it_was_made_leaves_no_file(
    as_user: As, administrator: User, asked: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = write_organisation

    def write_and_delete(*args: Any, **options: Any) -> Any:
        written = write(*args, **options)
        as_user(administrator).post(f"{PAGE}{asked.pk}/delete/")
        return written

    monkeypatch.setattr("accounts.services.export.write_organisation", write_and_delete)
    assert not services.make_export(asked.pk, now=timezone.now())
    assert (Export.objects.count(), kept()) == (0, [])


def kept() -> list[str]:
    folder = Path(default_storage.path("exports"))
    return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture(autouse=True)
def _no_files_left() -> None:
    for name in kept():
        default_storage.delete(f"exports/{name}")


def test_after_a_day_it_is_gone(as_user: As, administrator: User, made: Export) -> None:
    assert made.ready_at
    at = made.ready_at + timedelta(hours=24)
    assert services.sweep_exports(now=at - timedelta(seconds=1)) == 0
    assert len(kept()) == 1
    assert services.sweep_exports(now=at) == 1
    assert (Export.objects.count(), kept()) == (0, [])


def test_after_a_day_it_is_not_given_out_even_before_the_sweep(as_user: As, administrator: User, made: Export) -> None:
    Export.objects.update(ready_at=timezone.now() - timedelta(hours=24))
    assert as_user(administrator).get(f"{PAGE}{made.pk}/download/").status_code == 404


def test_a_nudge_that_was_lost_is_given_again(asked: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str]] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, arguments, **_: given.append(arguments))
    services.sweep_exports(now=asked.asked_at + timedelta(minutes=1))
    assert given == []
    services.sweep_exports(now=asked.asked_at + timedelta(minutes=3))
    assert given == [(str(asked.pk),)]


def test_what_fails_three_times_is_said_to_have_failed(
    as_user: As, administrator: User, asked: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("accounts.services.export.write_organisation", full)
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            services.make_export(asked.pk, now=timezone.now())
    assert kept() == []
    services.sweep_exports(now=timezone.now())
    assert "could not be made" in as_user(administrator).get(PAGE).content.decode()
    as_user(administrator).post(f"{PAGE}ask/")
    assert Export.objects.count() == 2, "another can be asked for"


def test_what_somebody_still_makes_is_not_given_up(asked: Export) -> None:
    Export.objects.update(attempts=3)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [services._number(asked.pk)])
        services.sweep_exports(now=timezone.now())
        asked.refresh_from_db()
        assert asked.failed_at is None
    finally:
        other.close()


def test_files_of_a_worker_that_died_are_swept_after_a_day(made: Export) -> None:
    folder = Path(default_storage.path("exports"))
    (folder / "left.zip").write_bytes(b"half")
    services.sweep_exports(now=timezone.now())
    assert "left.zip" in kept()
    Export.objects.update(ready_at=timezone.now() + timedelta(hours=24))
    services.sweep_exports(now=timezone.now() + timedelta(hours=25))
    assert kept() == [Path(Export.objects.get().file).name]


def test_a_lock_is_held_until_the_transaction_ends(asked: Export) -> None:
    with transaction.atomic():
        hold_alone(7)
    with transaction.atomic():
        hold_alone(7)


def test_a_real_worker_makes_it(as_user: As, administrator: User, asked: Export, tmp_path: Path) -> None:
    """Asked for on the page, nudged through Redis, made by Celery, downloaded."""
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery", "worker", "-l", "error", "--pool=solo"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = subprocess.Popen(command, cwd=settings.BASE_DIR, env=shared_environment())
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and not Export.objects.exclude(ready_at=None).exists():
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait(30)
    (tmp_path / "made.zip").write_bytes(fetched(as_user(administrator), Export.objects.get()))
    with zipfile.ZipFile(tmp_path / "made.zip") as made:
        assert made.testzip() is None
    assert administrator.email in {each["email"] for each in lines_of(tmp_path / "made.zip", "people")}
