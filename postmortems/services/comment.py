"""Comments and suggestions: threads on some words of the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts import arrival, audit
from accounts.exceptions import EditedMeanwhile
from accounts.mail import MailNotSent, link_to, send
from accounts.models import User
from incidents.markdown import reference_keys, resolve_references
from postmortems.enums import ThreadState
from postmortems.models import Comment, CommentNotice, Following, Postmortem, Section, Thread
from postmortems.references import references_in
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed
from postmortems.services.section import lock_section
from postmortems.services.text import accept_words

MAILED_AFTER = timedelta(minutes=10)
"""Who reads the comment in the document within this time gets no mail about it."""

AROUND = 32
"""Characters that are kept of what stands before and after a quote."""
FEWEST_ALIKE = 12
"""Of these, so many at least are the same where a quote is found again, if so many are known; and half of them."""


class AlreadyClosed(Exception):
    """Somebody settled it in the meantime."""


class WordsGone(Exception):
    """The words a suggestion is about no longer stand in the text."""


class WordsChanged(Exception):
    """Somebody wrote in the words a suggestion is about: now it would replace `words`."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True)
class Place:
    """Which words a thread is about."""

    quote: str
    before: str = ""
    after: str = ""
    anchor: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def begin_thread(
    *, section: Section, place: Place, body: str, replacement: str | None, by: User, now: datetime
) -> Thread:
    """Begin a conversation about the words at `place`. The same again, a double click, is kept once."""
    Postmortem.objects.select_for_update(of=("self",), no_key=True).get(pk=section.postmortem_id)
    facts = {"quote": place.quote, "replacement": replacement, "created_by": by, "state": ThreadState.OPEN}
    twins = section.threads.filter(**facts, comments__body=body, created_at__gt=now - timedelta(seconds=10))
    if twin := twins.first():
        return twin
    thread = Thread.objects.create(
        section=section,
        postmortem_id=section.postmortem_id,
        anchor=dict(place.anchor),
        quote_before=place.before[-AROUND:],
        quote_after=place.after[:AROUND],
        created_at=now,
        **facts,
    )
    audit.record(by=by, verb="thread.begun", obj=section.postmortem, thread=thread.pk)
    _say(thread, body, by=by, now=now)
    return thread


@transaction.atomic
def reply(*, thread: Thread, body: str, by: User, now: datetime) -> Comment:
    """Say something more; to a settled thread too, which stays settled. The same again is kept once."""
    locked = _lock(thread)
    last = locked.comments.order_by("-pk").first()
    if last and last.created_by_id == by.pk and last.body == body:
        return last
    return _say(locked, body, by=by, now=now)


def _say(thread: Thread, body: str, *, by: User, now: datetime) -> Comment:
    comment = Comment.objects.create(
        thread=thread, postmortem_id=thread.postmortem_id, body=body, created_by=by, created_at=now
    )
    _notify(comment, by=by)
    CommentNotice.objects.filter(comment__thread=thread, person=by, read_at=None).update(read_at=now)
    postmortem_was_changed(thread.postmortem, part="comments", now=now)
    return comment


def _notify(comment: Comment, *, by: User) -> None:
    """Whoever is named in it, takes part in the thread, or owns the document; nobody who may not see it."""
    thread = comment.thread
    mentioned = mentions(comment.body)
    partners = set(thread.comments.values_list("created_by", flat=True)) | {thread.created_by_id}
    people = mentioned | partners | {thread.postmortem.owner_id, thread.assigned_to_id or 0}
    shown = Postmortem.objects.filter(pk=thread.postmortem_id)
    for person in User.objects.filter(pk__in=people - {by.pk}, is_active=True):
        if shown.visible_to(person).exists():
            values = {"is_mention": person.pk in mentioned}
            CommentNotice.objects.get_or_create(comment=comment, person=person, defaults=values)


def mentions(text: str) -> set[int]:
    """The people named in a text, by number."""
    names = (key.removeprefix("person:") for key in reference_keys(text) if key.startswith("person:"))
    return {int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 10}


@transaction.atomic
def edit_comment(*, comment: Comment, revision: int, body: str, by: User, now: datetime) -> Comment:
    """Say it in other words, unless it was edited since `revision` (in another window): `EditedMeanwhile`."""
    locked = Comment.objects.select_for_update(of=("self",)).get(pk=comment.pk)
    if locked.body == body:
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    locked.body = body
    locked.revision += 1
    locked.edited_at = now
    locked.save(update_fields=["body", "revision", "edited_at"])
    _notify(locked, by=by)
    postmortem_was_changed(locked.postmortem, part="comments", now=now)
    return locked


@transaction.atomic
def close_thread(*, thread: Thread, to: ThreadState, by: User, now: datetime) -> Thread:
    """Settle it: resolved, or as a suggestion rejected. Raises `AlreadyClosed`."""
    return _close(_lock_open(thread), to=to, by=by, now=now)


def _close(locked: Thread, *, to: ThreadState, by: User, now: datetime) -> Thread:
    locked.state, locked.closed_by, locked.closed_at = to, by, now
    locked.save(update_fields=["state", "closed_by", "closed_at"])
    audit.record(by=by, verb=f"thread.{to.value}", obj=locked.postmortem, thread=locked.pk)
    postmortem_was_changed(locked.postmortem, part="comments", now=now)
    return locked


@transaction.atomic
def reopen_thread(*, thread: Thread, by: User, now: datetime) -> Thread:
    """Take it up again; one that is open stays so."""
    locked = _lock(thread)
    if locked.is_open:
        return locked
    locked.state, locked.closed_by, locked.closed_at = ThreadState.OPEN, None, None
    locked.save(update_fields=["state", "closed_by", "closed_at"])
    audit.record(by=by, verb="thread.reopened", obj=locked.postmortem, thread=locked.pk)
    postmortem_was_changed(locked.postmortem, part="comments", now=now)
    return locked


@transaction.atomic
def assign_thread(*, thread: Thread, to: User | None, by: User, now: datetime) -> Thread:
    """Ask `to` to see to it, or nobody any more; they are told of its last comment."""
    locked = _lock(thread)
    if locked.assigned_to_id == (to.pk if to else None):
        return locked
    locked.assigned_to = to
    locked.save(update_fields=["assigned_to"])
    audit.record(by=by, verb="thread.assigned", obj=locked.postmortem, thread=locked.pk, person=to.pk if to else None)
    _notify(locked.comments.latest("pk"), by=by)
    postmortem_was_changed(locked.postmortem, part="comments", now=now)
    return locked


@transaction.atomic
def accept_suggestion(*, thread: Thread, words: str, near: int, by: User, now: datetime, seen: str = "") -> Thread:
    """Write the suggested words instead of `words`, at the place nearest to character `near` of the section.

    Without `words`, instead of the quote, where the same stands around it as when it was suggested. They are words of
    whoever suggested them. Raises `AlreadyClosed`, `WordsGone` when what they replace stands there no longer,
    `WordsChanged` when it is neither the quote nor what this person was shown (`seen`), or `AlreadyPublished`; nothing
    is written then.
    """
    lock_for_writing(thread.postmortem)
    locked = _lock_open(thread)
    if words and words not in {locked.quote, seen}:
        raise WordsChanged(words)
    section = lock_section(locked.section)
    at = nearest(section.body, words, near) if words else _place_of(locked, section.body)
    words = words or locked.quote
    if locked.replacement is None or at is None:
        raise WordsGone
    if words != locked.replacement:
        end = at + len(words)
        accept_words(section, locked.replacement, start=at, end=end, author=locked.created_by, by=by, now=now)
    return _close(locked, to=ThreadState.ACCEPTED, by=by, now=now)


def _place_of(thread: Thread, text: str) -> int | None:
    return quoted_at(text, thread.quote, thread.quote_before, thread.quote_after)


def quoted_at(text: str, quote: str, before: str, after: str) -> int | None:
    """Where a quote begins: the place with most around it of what stood around it, enough of that on either side.

    With neither known, a quote has to be the only one. The page finds it the same way (`static/editor/comments.js`).
    """
    places = _places(text, quote)
    if not before and not after:
        return places[0] if len(places) == 1 else None
    best, most = None, 0
    for at in places:
        end = at + len(quote)
        same_before = _alike(text[max(0, at - AROUND) : at][::-1], before[::-1])
        same_after = _alike(text[end : end + AROUND], after)
        if same_before and same_after and same_before + same_after > most:
            best, most = at, same_before + same_after
    return best


def _alike(text: str, known: str) -> int:
    """How far `text` begins as it was known to, its end included; 0 when that is too little."""
    length = AROUND if len(known) == AROUND else len(known) + 1  # at its end, there is nothing: "" in both
    same = next((n for n in range(length) if text[n : n + 1] != known[n : n + 1]), length)
    return same if 2 * same >= length and same >= min(len(known), FEWEST_ALIKE) else 0


def nearest(text: str, words: str, near: int) -> int | None:
    """Where `words` begin in `text`, at the place nearest to `near`; None when they are not in it."""
    return min(_places(text, words), key=lambda place: abs(place - near), default=None)


def _places(text: str, words: str) -> list[int]:
    places, at = [], text.find(words) if words else -1
    while at >= 0:
        places.append(at)
        at = text.find(words, at + 1)
    return places


def mark_read(*, postmortem: Postmortem, by: User, now: datetime) -> int:
    """This person has seen what was said; how much of it was new."""
    notices = CommentNotice.objects.filter(person=by, read_at=None, comment__postmortem=postmortem)
    return notices.update(read_at=now)


def _lock(thread: Thread) -> Thread:
    """The thread as it is now, locked."""
    related = Thread.objects.select_for_update(of=("self",)).select_related("postmortem", "section__postmortem")
    return related.get(pk=thread.pk)


def _lock_open(thread: Thread) -> Thread:
    locked = _lock(thread)
    if not locked.is_open:
        raise AlreadyClosed
    return locked


# -- Mail --------------------------------------------------------------------------------------------------------------


def people_to_mail(*, now: datetime) -> list[int]:
    """Who has comments that they did not read for a while."""
    due = CommentNotice.objects.filter(_to_mail(now), person__is_active=True)
    return list(due.values_list("person", flat=True).distinct())


def _to_mail(now: datetime) -> Q:
    """Condition on a notice: not read for a while, and not from before an import."""
    written = Q(comment__created_at__gt=import_at) if (import_at := arrival.arrived_at()) else Q()
    return written & Q(read_at=None, mailed_at=None, comment__created_at__lt=now - MAILED_AFTER)


@transaction.atomic
def mail_digest(*, person_id: int, now: datetime) -> int:
    """One mail about all of it, each comment once; how many comments it tells of.

    What the person may no longer see is left out, and of restricted documents only that there is something to see. A
    mail that cannot be sent is tried again the next time.
    """
    rows = CommentNotice.objects.select_for_update(of=("self",), skip_locked=True).filter(
        _to_mail(now), person=person_id
    )
    notices = list(
        rows.select_related("person", "comment__created_by", "comment__thread", "comment__postmortem__incident")
    )
    if not notices:
        return 0
    person = notices[0].person
    seen = set(Postmortem.objects.visible_to(person).filter(threads__comments__notices__in=notices).distinct())
    is_unwanted = Following.objects.filter(person=person, comments=False).exists()
    shown = [notice for notice in notices if notice.comment.postmortem in seen and not is_unwanted]
    if shown:
        try:
            _mail(person, shown)
        except MailNotSent:
            return 0
    CommentNotice.objects.filter(pk__in=[notice.pk for notice in notices]).update(mailed_at=now)
    return len(shown)


def _mail(person: User, notices: list[CommentNotice]) -> None:
    documents: dict[Postmortem, list[Comment]] = {}
    for notice in notices:
        documents.setdefault(notice.comment.postmortem, []).append(notice.comment)
    told = [
        {
            "title": "A restricted post-mortem" if postmortem.is_restricted else str(postmortem),
            "comments": [] if postmortem.is_restricted else _said(postmortem, comments),
            "count": len(comments),
            "link": link_to(f"/postmortems/{postmortem.pk}/comments/"),
        }
        for postmortem, comments in documents.items()
    ]
    count = len(notices)
    subject = f"{count} {'comment' if count == 1 else 'comments'} for you in Debrief"
    context = {"person": person, "documents": told, "settings": link_to(reverse("postmortems:following"))}
    send("comments", to=person.email, subject=subject, context=context)


def _said(postmortem: Postmortem, comments: list[Comment]) -> list[tuple[Comment, str, str]]:
    """The comments, each with its quote and with what it says, people and facts by their names."""
    references = references_in(postmortem, [text for each in comments for text in (each.thread.quote, each.body)])
    named = partial(resolve_references, references=references)
    return [(comment, named(comment.thread.quote), named(comment.body)) for comment in comments]
