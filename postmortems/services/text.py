"""The text between its two homes: what is typed live reaches the sections, what services write reaches the live text.

The log (`postmortems/collab/store.py`) is the truth as soon as somebody opened the live text; `Section.body` follows
it, for search, export, readers and the coach. Every function here wants the post-mortem locked by its caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from postmortems.collab import bus, store
from postmortems.collab.document import LiveDocument
from postmortems.collab.store import Append, Authorship
from postmortems.enums import RevisionReason, SectionKind
from postmortems.models import DocumentHead, DocumentUpdate, Postmortem, Revision, Section, SectionRevision
from postmortems.search import index_postmortem


def bring_up_to_date(postmortem: Postmortem, *, upto: int | None = None) -> bool:
    """Write to the sections what was typed since the last time, up to entry `upto` or all; True if any differed."""
    head = DocumentHead.objects.filter(pk=postmortem.pk).first()
    end = min(head.head, upto if upto is not None else head.head) if head else 0
    if head is None or end <= head.body_seq:
        return False
    sections = list(postmortem.sections.select_for_update().filter(kind=SectionKind.PROSE))
    changes = store.changes_since(postmortem.pk, head.body_seq, [section.pk for section in sections], upto=end)
    differing = [section for section in sections if section.body != changes.texts[section.pk]]
    for section in differing:
        _follow(section, changes.texts[section.pk], changes.touched.get(section.pk))
    store.reached(postmortem.pk, body_seq=changes.end)
    if differing:
        Postmortem.objects.filter(pk=postmortem.pk).update(updated_at=max(s.updated_at for s in differing))
        index_postmortem(postmortem.pk)
    return bool(differing)


def _follow(section: Section, body: str, authorship: Authorship | None) -> None:
    section.body = body
    section.is_kept = False
    if authorship:
        section.updated_by = User.objects.filter(pk=authorship.people[-1]).first()
        section.updated_at = authorship.at
    section.save(update_fields=["body", "is_kept", "updated_by", "updated_at"])


def write_texts(postmortem: Postmortem, texts: Mapping[Section, str], *, by: User | None, now: datetime) -> None:
    """Let these sections say this, with the smallest edits: whoever is typing in them keeps their cursor.

    The caller keeps a revision of it (`keep_revision`).
    """
    _write_live(postmortem, _saying(texts), author=by)
    _write_sections(postmortem, texts, by=by, now=now)


def _write_sections(postmortem: Postmortem, texts: Mapping[Section, str], *, by: User | None, now: datetime) -> None:
    for section, body in texts.items():
        section.body = body
        section.is_kept = False
        section.updated_by = by
        section.updated_at = now
        section.save(update_fields=["body", "is_kept", "updated_by", "updated_at"])
    bring_up_to_date(postmortem)


def edit_texts(
    postmortem: Postmortem, texts: Mapping[Section, str], *, reason: RevisionReason, by: User, now: datetime
) -> None:
    """Let these sections say this, keeping a revision of what stood there before and one of what stands there now.

    For words that are restored nobody is named as their author, least of all `by`.
    """
    keep_revision(postmortem, reason=RevisionReason.TURN, by=None, now=now)
    _write_live(postmortem, _saying(texts), author=None if reason == RevisionReason.RESTORED else by)
    _write_sections(postmortem, texts, by=by, now=now)
    keep_revision(postmortem, reason=reason, by=by, now=now)


def accept_words(section: Section, words: str, *, start: int, end: int, author: User, by: User, now: datetime) -> None:
    """Let the section say `words` of `author` in the place of characters `start` to `end`, as `by` accepts."""
    postmortem = section.postmortem
    keep_revision(postmortem, reason=RevisionReason.TURN, by=None, now=now)
    _write_live(postmortem, lambda document: [document.replace(section.pk, start, end, words)], author=author)
    _write_sections(postmortem, {section: section.body[:start] + words + section.body[end:]}, by=by, now=now)
    if revision := keep_revision(postmortem, reason=RevisionReason.ACCEPTED, by=by, now=now):
        revision.writers.set([author])


Edit = Callable[[LiveDocument], Iterable[bytes]]
"""Changes a live text; the updates of it."""


def _saying(texts: Mapping[Section, str]) -> Edit:
    return lambda document: [document.rewrite(section.pk, body) for section, body in texts.items()]


def _write_live(postmortem: Postmortem, edit: Edit, *, author: User | None) -> None:
    """Append an edit to the log, if there is one, as words of `author`; other processes are told after commit.

    It is an edit of what the sections say: what was typed since they were brought up to date is not in it, and stays.
    """
    head = DocumentHead.objects.select_for_update().filter(pk=postmortem.pk).first()
    if head is None:
        return
    document = store.load(postmortem.pk, upto=head.body_seq).document
    updates = [update for update in edit(document) if update]
    if not updates:
        return
    person = author.pk if author else 0
    clients = {document.client: person} if author else {}
    entry = Append(postmortem.pk, head.acl_version, updates, [person] * len(updates), clients)
    seq = store.append([entry])[postmortem.pk]
    if seq == head.body_seq + 1:
        store.reached(postmortem.pk, body_seq=seq)
    transaction.on_commit(lambda: bus.announce(postmortem.pk, seq, entry.data))


def keep_revision(
    postmortem: Postmortem, *, reason: RevisionReason, by: User | None, now: datetime, name: str = ""
) -> Revision | None:
    """Keep in the history what the sections say now; None when nothing differs from the last revision.

    A named one is kept in any case.
    """
    sections = [section for section in postmortem.sections.filter(is_kept=False) if _differs(section)]
    if not sections and reason != RevisionReason.NAMED:
        _mark_kept(postmortem)
        return None
    last = postmortem.revisions.aggregate(last=Max("number"))["last"] or 0
    revision = Revision.objects.create(
        postmortem=postmortem, number=last + 1, reason=reason, name=name, made_by=by, made_at=now
    )
    revision.writers.set(_writers_since_last(postmortem, by=by if sections else None))
    for section in sections:
        _keep_section(section, revision, now=now)
    _mark_kept(postmortem)
    return revision


def _differs(section: Section) -> bool:
    kept = section.revisions.order_by("-number").values_list("body", flat=True).first()
    return section.body != (kept or "")


def _keep_section(section: Section, revision: Revision, *, now: datetime) -> None:
    section.revision += 1
    section.save(update_fields=["revision"])
    SectionRevision.objects.create(
        section=section,
        postmortem_id=section.postmortem_id,
        revision=revision,
        number=section.revision,
        body=section.body,
        saved_by_id=section.updated_by_id,
        saved_at=now,
    )


def _writers_since_last(postmortem: Postmortem, *, by: User | None) -> list[User]:
    head = DocumentHead.objects.filter(pk=postmortem.pk).first()
    people = {by.pk} if by else set()
    if head:
        rows = DocumentUpdate.objects.filter(postmortem=postmortem, seq__gt=head.kept_seq, seq__lte=head.body_seq)
        people = {person for row in rows.values_list("people", flat=True) for person in row} or people
    return list(User.objects.filter(pk__in=people))


def _mark_kept(postmortem: Postmortem) -> None:
    postmortem.sections.filter(is_kept=False).update(is_kept=True)
    head = DocumentHead.objects.filter(pk=postmortem.pk).first()
    if head:
        store.reached(postmortem.pk, kept_seq=head.body_seq)
