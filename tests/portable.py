"""An organisation with a row of every kind, and what it takes to carry it into an empty Debrief."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection
from django.utils import timezone
from pycrdt import Doc, Text

from accounts.enums import Visibility
from accounts.models import User
from actions.models import ActionItem, ItemSync, JiraConnection, JiraPerson, Notice, ReminderPause, ReminderSettings
from actions.samples import load_samples
from incidents.models import Incident, Service
from postmortems.collab import store
from postmortems.collab.document import root_name
from postmortems.collab.store import Append
from postmortems.enums import NewsKind, NewsState
from postmortems.models import (
    AllowedWords,
    Channel,
    CoachSettings,
    Comment,
    ConfluencePage,
    ConfluencePlace,
    DocumentHead,
    Following,
    Gate,
    Metric,
    MetricSeries,
    Postmortem,
    PublicationSettings,
    Revision,
    Section,
    Tag,
    Tidings,
    Why,
)
from tests.world import NOON, World, build_world

ODD = "Zoë wrote “naïve” 🙂 \u202eright to left\u202c <b>&amp;</b> \\n {{incident.title}}\u2028\r\n\ttab"


def type_into(section: Section, user: User, words: str) -> None:
    """As an open page does: into the log, before the section."""
    doc: Doc[Text] = Doc()
    store.open_document(section.postmortem)
    doc.apply_update(store.load(section.postmortem_id).document.update())
    state = doc.get_state()
    doc.get(root_name(section.pk), type=Text).insert(0, words)
    head = DocumentHead.objects.get(pk=section.postmortem_id)
    new = {doc.client_id: user.pk}
    store.append([Append(head.pk, head.acl_version, [doc.get_update(state)], [user.pk], new)])


def build_everything() -> World:
    """The sample organisation, the world of the guards, and rows of what neither has."""
    world = build_world()
    load_samples(now=timezone.now(), among_others=True)
    owner, member, team = world.people["owner"], world.people["member"], world.objects[_team(), "organisation"]
    of = {visibility: world.objects[Postmortem, visibility] for visibility in Visibility}
    postmortem, incident = of[Visibility.ORGANISATION], world.objects[Incident, Visibility.ORGANISATION]
    assert isinstance(postmortem, Postmortem)
    assert isinstance(incident, Incident)
    _people(owner, member, team)
    _texts(postmortem, owner, member)
    _ledgers(postmortem, owner, member)
    incident.responders.set([owner, member])
    incident.readers.set([member])
    incident.repeat_of = Incident.objects.get(pk=world.objects[Incident, Visibility.RESTRICTED].pk)
    incident.save(update_fields=["repeat_of"])
    incident.imported_parts.create(part="odd", values={"a": {"text": ODD, "at": None, "n": 1.5}}, read_at=NOON)
    action = ActionItem.objects.get(postmortem=postmortem)
    action.lessons.set(postmortem.lessons.all())
    ActionItem.objects.filter(pk=action.pk).update(impact=3, effort=1, labels=["a", "b-c"], deliverable=ODD)
    ItemSync.objects.filter(action=action).update(
        base={"title": ODD, "owner": None}, attempt={"marker": "x"}, labels_seen=["a"], last_entry=2**40
    )
    return world


def _team() -> Any:
    return apps.get_model("accounts", "Team")


def _people(owner: User, member: User, team: Any) -> None:
    owner.display_name = ODD[:60].replace("\r", "").replace("\n", "")
    owner.set_password("a password of hers alone")
    owner.save()
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    SocialAccount.objects.create(user=member, provider="oidc", uid="provider|1", extra_data={"sub": "1"})
    CoachSettings.objects.create()
    publication = PublicationSettings.objects.create()
    publication.legal.set([owner])
    publication.leadership.set([member, owner])
    following = Following.objects.create(person=member, weekly=True)
    following.teams.set([team])
    following.services.set(Service.objects.all()[:2])
    connection = JiraConnection.objects.get()
    JiraPerson.objects.create(connection=connection, person=owner, account_id="5b10", checked_at=NOON)


def _texts(postmortem: Postmortem, owner: User, member: User) -> None:
    section = postmortem.sections.order_by("position")[0]
    type_into(section, owner, ODD.replace("\r\n", "\n"))
    store.compact(postmortem.pk, upto=DocumentHead.objects.get(pk=postmortem.pk).head)
    type_into(section, member, "And this, later. ")
    Revision.objects.get(postmortem=postmortem).writers.set([owner, member])
    AllowedWords.objects.create(
        postmortem=postmortem, quote="db-1.internal", reason="Known to all", allowed_by=owner, allowed_at=NOON
    )
    metric = Metric.objects.get(postmortem=postmortem)
    MetricSeries.objects.create(
        metric=metric, name="p95", position=1, times=_floats(1.5, 2.25, 3e9), values=_floats(0.1, -0.0, 1e300)
    )
    why = Why.objects.get(postmortem=postmortem)
    Why.objects.create(
        branch=why.branch, postmortem=postmortem, parent=why, position=1, answer=ODD, created_by=owner,
        removed_at=NOON, removed_with="0b0c8a54-6f42-4b53-8f07-5cf1ae1a4ad7",
    )  # fmt: skip
    gate = Gate.objects.get(postmortem=postmortem)
    Gate.objects.create(postmortem=postmortem, label="Below", parent=gate)


def _floats(*numbers: float) -> bytes:
    from array import array

    return array("d", numbers).tobytes()


def _ledgers(postmortem: Postmortem, owner: User, member: User) -> None:
    comment = Comment.objects.get(postmortem=postmortem)
    comment.notices.create(person=member, is_mention=True)
    Tidings.objects.create(person=member, kind="published", postmortem=postmortem, planned_at=NOON)
    Tidings.objects.create(person=owner, kind="published", postmortem=postmortem, planned_at=NOON, sent_at=NOON)
    action = ActionItem.objects.get(postmortem=postmortem)
    ReminderSettings.objects.create(person=owner, at_hour=7, planned_on=date(2026, 4, 2))
    ReminderPause.objects.create(person=member, action=action, until=date(2027, 1, 1))
    Notice.objects.create(person=owner, kind="late", action=action, for_on=date(2026, 5, 2), due_on=date(2026, 5, 1))
    JiraConnection.objects.get().token_warnings.create(expires_on=date(2027, 1, 1), days=30, sent_at=NOON)
    postmortem.tags.set([Tag.objects.create(name="odd one"), Tag.objects.create(name="odd two")])
    Following.objects.get(person=member).tags.set(Tag.objects.all())
    channel = Channel.objects.get()
    channel.tags.set(Tag.objects.filter(name="odd one"))
    Channel.objects.create(team=channel.team, name="#hooked", hook="sealed", added_by=owner, added_at=NOON)
    for at in (None, NOON):
        state = NewsState.SENT if at else NewsState.WAITING
        kind = NewsKind.PUBLISHED if at else NewsKind.DIGEST
        channel.news.create(kind=kind, postmortem=postmortem, planned_at=NOON, state=state, told_at=at)
    ConfluencePlace.objects.create(team=channel.team, space="OPS", parent="12")
    ConfluencePage.objects.create(
        postmortem=postmortem, page_id="77", version=3, asked_by=owner, asked_at=NOON, due_at=NOON, pushed_at=NOON
    )
    postmortem.confluence_notes.create(at=NOON, words=ODD)
    meeting = postmortem.meetings.get()
    meeting.agenda.update(spent=timedelta(minutes=3, microseconds=5))


@contextmanager
def empty_again() -> Iterator[None]:
    """Whatever is committed within is gone afterwards, files too; what every new Debrief has is there."""
    seeds = connection.creation.serialize_db_to_string()
    try:
        yield
    finally:
        models = apps.get_models(include_auto_created=True)
        names = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in models)
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
            connection.creation.deserialize_db_from_string(seeds)
            for statement in connection.ops.sequence_reset_sql(no_style(), models):
                cursor.execute(statement)
        shutil.rmtree(Path(settings.FILES_ROOT) / "attachments", ignore_errors=True)


def contents_of(path: Path) -> dict[str, bytes]:
    """Every file of an archive; of the manifest, what does not tell the time."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(found["manifest.json"])
    datetime.fromisoformat(manifest.pop("made_at"))
    found["manifest.json"] = json.dumps(manifest).encode()
    return found


def lines_of(path: Path, kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in contents_of(path)[f"{kind}.jsonl"].splitlines()]


def archive_of(
    path: Path,
    folder: Path,
    changes: Mapping[str, bytes | None] | None = None,
    *,
    manifest: Callable[[dict[str, Any]], object] = lambda told: None,
) -> Path:
    """A copy of an archive with other files in it (None: without one), whose sums are right all the same."""
    with zipfile.ZipFile(path) as archive:
        inside: dict[str, bytes] = {name: archive.read(name) for name in archive.namelist()}
    for name, content in (changes or {}).items():
        inside.pop(name, None)
        if content is not None:
            inside[name] = content
    told = json.loads(inside.pop("manifest.json"))
    for each in [*told["kinds"].values(), told["files"]]:
        content = inside.get(each["file"], b"")
        each.update(lines=content.count(b"\n"), bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    manifest(told)
    made = folder / "changed.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(told))
    return made
