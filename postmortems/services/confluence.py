"""Pushing published post-mortems to Confluence: asked for by a person, done by a worker, one page each, ever.

The row in Postgres is the queue. A worker leases it before it asks anything, and writes down only what it did while the
lease is its own. Before a page is made it is looked for, so that a lost answer never makes a second one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts import audit, secrets
from accounts.mail import link_to
from accounts.models import Team, User
from postmortems.enums import WikiKind
from postmortems.export.confluence import PictureNames, postmortem_as_confluence
from postmortems.models import ConfluenceConnection, ConfluencePage, ConfluencePlace, Postmortem
from postmortems.queries import with_its_incident
from postmortems.services.postmortem import lock_postmortem
from postmortems.wiki.confluence import ConfluenceCloud, ConfluenceDataCenter
from postmortems.wiki.pages import (
    ChangedMeanwhile,
    NotThere,
    Page,
    Picture,
    SignInRefused,
    Throttled,
    TitleTaken,
    Wiki,
    WikiError,
)

LEASE = timedelta(minutes=6)
"""Longer than any task may take (CELERY_TASK_TIME_LIMIT): who is still at work has it, who died has not."""
WAITS = [timedelta(minutes=each) for each in (1, 2, 5, 15, 30, 60)]
"""After each failure that may pass by itself; the last again and again."""
MOST_ATTEMPTS = 24
RACES = 3
LONGEST_TITLE = 255
CLASSES: dict[str, type[ConfluenceCloud] | type[ConfluenceDataCenter]] = {
    WikiKind.CLOUD: ConfluenceCloud,
    WikiKind.DATA_CENTER: ConfluenceDataCenter,
}


class CannotPush(Exception):
    """It may not go, or there is nowhere to go; the message says why and what to do."""


class LeaseLost(Exception):
    """Somebody else works on it by now."""


@dataclass(frozen=True)
class ConnectionFacts:
    """What an administrator says of the Confluence. A secret of "" stays as it was."""

    kind: str
    url: str
    username: str = ""
    secret: str = ""


# -- Setting up --------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_connection(*, facts: ConnectionFacts, by: User, now: datetime) -> ConfluenceConnection:
    """Keep the one connection. A secret never goes to another address than it was given for.

    Raises `secrets.NoKeys`, or `CannotPush` where a secret is missing.
    """
    row = ConfluenceConnection.objects.select_for_update().first() or ConfluenceConnection(created_by=by)
    if not facts.secret and (not row.secret or row.url != facts.url):
        raise CannotPush("Give the token: it is not sent to an address that it was not given for.")
    row.kind, row.url = facts.kind, facts.url
    row.username = facts.username if facts.kind == WikiKind.CLOUD else ""
    if facts.secret:
        row.secret = secrets.seal(facts.secret)
    row.save()
    audit.record(by=by, verb="confluence.connected", obj=row, secret=bool(facts.secret))
    return row


@transaction.atomic
def remove_connection(*, by: User) -> None:
    """Forget it and its secret; pages that were made stay."""
    for row in ConfluenceConnection.objects.all():
        audit.record(by=by, verb="confluence.disconnected", obj=row)
        row.delete()


def save_place(*, team: Team, space: str, parent: str, by: User) -> ConfluencePlace:
    """Keep where a team's pages go, once it was found there. Raises `CannotPush` or `WikiError`."""
    with client() as wiki:
        wiki.check_place(space, parent)
    return _keep_place(team, space, parent, by)


@transaction.atomic
def _keep_place(team: Team, space: str, parent: str, by: User) -> ConfluencePlace:
    row, _ = ConfluencePlace.objects.update_or_create(team=team, defaults={"space": space, "parent": parent})
    audit.record(by=by, verb="confluence.place-chosen", obj=team, space=space, parent=parent)
    return row


@contextmanager
def client() -> Iterator[Wiki]:
    """The Confluence, signed in. Raises `CannotPush` or `WikiError`."""
    row = ConfluenceConnection.objects.first()
    if row is None:
        raise CannotPush("No Confluence is connected. An administrator does that under Administration → Confluence.")
    try:
        secret = secrets.unseal(row.secret)
    except (secrets.NoKeys, secrets.Unreadable) as error:
        raise SignInRefused(str(error)) from error
    with CLASSES[row.kind](row.url, username=row.username, secret=secret) as wiki:
        yield wiki


# -- Asking for it -----------------------------------------------------------------------------------------------------


def check_may_go(postmortem: Postmortem) -> ConfluencePlace:
    """Where it goes. Raises `CannotPush`: what is restricted never does."""
    if postmortem.is_restricted:
        raise CannotPush("What is restricted does not leave for Confluence.")
    if not postmortem.is_published:
        raise CannotPush("Only what is published goes to Confluence.")
    place = ConfluencePlace.objects.filter(team=postmortem.team_id).first()
    if place is None:
        raise CannotPush("Its team has no place in Confluence: a manager chooses a space on the team’s page.")
    if not ConfluenceConnection.objects.exists():
        raise CannotPush("No Confluence is connected. An administrator does that under Administration → Confluence.")
    return place


@transaction.atomic
def ask_push(*, postmortem: Postmortem, by: User, now: datetime) -> ConfluencePage:
    """Let it be pushed as soon as a worker is free. Raises `CannotPush`."""
    locked = lock_postmortem(postmortem)
    check_may_go(locked)
    row, _ = ConfluencePage.objects.update_or_create(
        postmortem=locked, defaults={"asked_by": by, "asked_at": now, "due_at": now, "attempts": 0, "error": ""}
    )
    audit.record(by=by, verb="postmortem.push-asked", obj=locked)
    transaction.on_commit(partial(_nudge, locked.pk), robust=True)
    return row


def _nudge(postmortem_id: int) -> None:
    """Ask a worker now; while Redis is away, the sweep does it within a minute."""
    with suppress(OperationalError):
        current_app.send_task("postmortems.tasks.push_page", (postmortem_id,), expires=300)


# -- Doing it ----------------------------------------------------------------------------------------------------------


def due_pages(*, now: datetime) -> list[int]:
    return list(ConfluencePage.objects.due(now).values_list("pk", flat=True))


def push_page(postmortem_id: int, *, now: datetime) -> bool:
    """Push one; whether it arrived. One of any number of callers does; what fails is noted and, where that helps,
    tried again later.
    """
    token = uuid.uuid4()
    ours = ConfluencePage.objects.due(now).filter(pk=postmortem_id)
    if not ours.update(lease=token, leased_until=now + LEASE, attempts=F("attempts") + 1):
        return False
    row = ConfluencePage.objects.get(pk=postmortem_id)
    try:
        postmortem = with_its_incident(row.postmortem)
        place = check_may_go(postmortem)
        with client() as wiki:
            words = _push(wiki, row, postmortem, place)
    except LeaseLost:
        return False
    except CannotPush as error:
        _end(row, str(error), due_at=None)
        return False
    except WikiError as error:
        _end(row, str(error), due_at=_again_at(row, error, now=now))
        return False
    _end(row, "", due_at=None, said=words)
    return True


def _push(wiki: Wiki, row: ConfluencePage, postmortem: Postmortem, place: ConfluencePlace) -> str:
    """Make or update the page; what was done, in words."""
    title = f"{postmortem.reference} {postmortem.title}"[:LONGEST_TITLE]
    pictures = {attachment.pk: attachment for attachment in postmortem.attachments.filter(kind="image")}
    names: PictureNames = {pk: f"{pk}.{_ending(each.content_type)}" for pk, each in pictures.items()}
    body = postmortem_as_confluence(postmortem, pictures=names)
    page, is_new = _page_for(wiki, row, place, title, body, link_to(postmortem.get_absolute_url()))
    if row.pushed_at is None:
        wiki.mark(page.id, str(row.marker))
    present = set(wiki.attached(page.id))
    for pk, name in names.items():
        if name in body and name not in present:
            with pictures[pk].file.open("rb") as stored:
                wiki.attach(page.id, Picture(name, pictures[pk].content_type, stored.read()))
    if is_new:
        return "Made the page."
    edited = " It had been edited in Confluence: its history there keeps that." if page.version > row.version else ""
    _write(wiki, row, page, title, body)
    return f"Updated the page.{edited if row.version else ''}"


def _page_for(
    wiki: Wiki, row: ConfluencePage, place: ConfluencePlace, title: str, body: str, link: str
) -> tuple[Page, bool]:
    """Its page as it is now, and whether that was made just now with `body`."""
    if row.page_id:
        try:
            return wiki.page(row.page_id), False
        except NotThere as error:
            _keep(row, page_id="", version=0, url="", tried_title="")
            gone = "The page is gone from Confluence, or the account may not see it. Push again to make a new one."
            raise NotThere(gone) from error
    for looked_for in dict.fromkeys(filter(None, (row.tried_title, title))):
        if found := _made_before(wiki, row, place, looked_for, link, taken=looked_for == title):
            return found, False
    _keep(row, tried_title=title)
    try:
        made = wiki.create(space=place.space, parent=place.parent, title=title, body=body)
    except TitleTaken:
        # What an earlier try asked for, and heard no answer to, may have been done only now.
        if found := _made_before(wiki, row, place, title, link, taken=True):
            return found, False
        raise
    _keep(row, page_id=made.id, version=made.version, url=made.url)
    return made, True


def _made_before(
    wiki: Wiki, row: ConfluencePage, place: ConfluencePlace, title: str, link: str, *, taken: bool
) -> Page | None:
    """The page of this title, if Debrief made it. Raises `TitleTaken` where `taken` by another forbids to make one."""
    found = wiki.titled(place.space, title)
    if found and wiki.is_marked(found.id, str(row.marker), f'href="{link}"'):
        _keep(row, page_id=found.id, version=0, url=found.url)
        return found
    if found and taken:
        raise TitleTaken(
            f"A page called “{title}” is there already, and Debrief did not make it. Rename it or move it."
        )
    return None


def _write(wiki: Wiki, row: ConfluencePage, page: Page, title: str, body: str) -> None:
    """Write the next version, looking again where somebody was first. Raises `ChangedMeanwhile` in the end."""
    for attempt in range(RACES):
        try:
            written = wiki.update(page, title=title, body=body)
        except ChangedMeanwhile:
            if attempt == RACES - 1:
                raise
            page = wiki.page(page.id)
        else:
            _keep(row, version=written.version, url=written.url)
            return


def _keep(row: ConfluencePage, **values: object) -> None:
    """Write down what was done. Raises `LeaseLost`."""
    if not ConfluencePage.objects.filter(pk=row.pk, lease=row.lease).update(**values):
        raise LeaseLost
    for name, value in values.items():
        setattr(row, name, value)


@transaction.atomic
def _end(row: ConfluencePage, error: str, *, due_at: datetime | None, said: str = "") -> None:
    """Free the lease and note how it went. Who asked meanwhile is served next: their `due_at` stays."""
    held = ConfluencePage.objects.select_for_update().filter(pk=row.pk, lease=row.lease).first()
    if held is None:
        return
    held.lease, held.leased_until, held.error = None, None, error[:500]
    held.due_at = held.due_at if held.asked_at != row.asked_at else due_at
    if said:
        held.pushed_at = timezone.now()
    held.save(update_fields=["lease", "leased_until", "error", "due_at", "pushed_at"])
    row.postmortem.confluence_notes.create(at=timezone.now(), words=(error or said)[:500], is_trouble=bool(error))


def _again_at(row: ConfluencePage, error: WikiError, *, now: datetime) -> datetime | None:
    """When to try again; None where a person must do something first."""
    if not error.tries_again or row.attempts >= MOST_ATTEMPTS:
        return None
    wait = WAITS[min(row.attempts, len(WAITS)) - 1]
    return now + (max(error.wait, timedelta(seconds=1)) if isinstance(error, Throttled) else wait)


def _ending(content_type: str) -> str:
    return content_type.rsplit("/", 1)[-1].split("+")[0]
