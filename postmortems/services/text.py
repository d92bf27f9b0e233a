"""The text between its two homes: what is typed live reaches the sections, what services write reaches the live text.

The log (`postmortems/collab/store.py`) is the truth as soon as somebody opened the live text; `Section.body` follows
it, for search, export, readers and the coach. Every function here wants the post-mortem locked by its caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from postmortems.collab import bus, store
from postmortems.collab.authors import NOBODY, Authors, CoWriting, authors_of
from postmortems.collab.document import LiveDocument
from postmortems.collab.store import Append, Authorship
from postmortems.enums import RevisionReason, SectionKind
from postmortems.models import DocumentHead, Postmortem, Revision, Section, SectionRevision
from postmortems.queries import body_of
from postmortems.search import index_postmortem
from postmortems.services.order import next_position

RECOVERED = "Recovered text"
MOST_RECOVERED = 20
"""Sections at a time: a page names what it writes in, and a hostile one might name thousands."""


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
    differing += _recover(postmortem, changes.strays)
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


def _recover(postmortem: Postmortem, texts: Mapping[UUID, str]) -> list[Section]:
    """Sections for words that somebody typed into one while another removed it: they were told "Saved"."""
    taken = set(Section.objects.filter(pk__in=texts).values_list("pk", flat=True))
    lost = sorted((section, text) for section, text in texts.items() if section not in taken)
    if not lost:
        return []
    position = next_position(postmortem.sections.all())
    rows = [
        Section(pk=section, postmortem=postmortem, position=position + n, title=RECOVERED, body=text, is_kept=False)
        for n, (section, text) in enumerate(lost[:MOST_RECOVERED])
    ]
    transaction.on_commit(lambda: bus.announce_change(postmortem.pk, "sections"))
    return Section.objects.bulk_create(rows)


def write_texts(postmortem: Postmortem, texts: Mapping[Section, str], *, by: User | None, now: datetime) -> None:
    """Let these sections say this, with the smallest edits: whoever is typing in them keeps their cursor.

    The caller keeps a revision of it (`keep_revision`).
    """
    _write_live(postmortem, _saying(texts, author=by))
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
    """Let these sections say this, keeping a revision of what stood there before and one of what stands there now."""
    keep_revision(postmortem, reason=RevisionReason.TURN, by=None, now=now)
    write_texts(postmortem, texts, by=by, now=now)
    keep_revision(postmortem, reason=reason, by=by, now=now)


def restore_texts(
    postmortem: Postmortem, kept: Mapping[Section, SectionRevision | None], *, by: User, now: datetime
) -> None:
    """Let these sections say what they said then (None: nothing), in the words of those who wrote it then."""
    keep_revision(postmortem, reason=RevisionReason.TURN, by=None, now=now)
    _write_live(postmortem, _restoring(kept))
    _write_sections(postmortem, {section: body_of(each) for section, each in kept.items()}, by=by, now=now)
    keep_revision(postmortem, reason=RevisionReason.RESTORED, by=by, now=now)


def accept_words(section: Section, words: str, *, start: int, end: int, author: User, by: User, now: datetime) -> None:
    """Let the section say `words` of `author` in the place of characters `start` to `end`, as `by` accepts."""
    postmortem = section.postmortem
    keep_revision(postmortem, reason=RevisionReason.TURN, by=None, now=now)

    def replace(document: LiveDocument) -> Edited:
        return _edited([document.replace(section.pk, start, end, words)], document, author)

    _write_live(postmortem, replace)
    _write_sections(postmortem, {section: section.body[:start] + words + section.body[end:]}, by=by, now=now)
    if revision := keep_revision(postmortem, reason=RevisionReason.ACCEPTED, by=by, now=now):
        revision.writers.set([author])


class Edited(NamedTuple):
    """What was written into a live text."""

    updates: list[bytes]
    sender: int
    """In whose name it is done; 0 for nobody."""
    clients: Mapping[int, int]
    """Whose the words of each client are."""


Edit = Callable[[LiveDocument], Edited]


def _edited(updates: Iterable[bytes], document: LiveDocument, author: User | None) -> Edited:
    """All of them words of `author`."""
    return Edited(list(updates), author.pk if author else 0, {document.client: author.pk} if author else {})


def _saying(texts: Mapping[Section, str], *, author: User | None) -> Edit:
    return lambda document: _edited(
        (document.rewrite(section.pk, body) for section, body in texts.items()), document, author
    )


def _restoring(kept: Mapping[Section, SectionRevision | None]) -> Edit:
    def edit(document: LiveDocument) -> Edited:
        writing = CoWriting(document)
        for section, revision in kept.items():
            writing.rewrite(section.pk, body_of(revision), revision.authors if revision else [])
        return Edited(writing.updates, 0, writing.clients)

    return edit


def _write_live(postmortem: Postmortem, edit: Edit) -> None:
    """Append an edit to the log, if there is one; other processes are told after commit.

    It is an edit of what the sections say: what was typed since they were brought up to date is not in it, and stays.
    """
    head = DocumentHead.objects.select_for_update().filter(pk=postmortem.pk).first()
    if head is None:
        return
    edited = edit(store.load(postmortem.pk, upto=head.body_seq).document)
    updates = [update for update in edited.updates if update]
    if not updates:
        return
    entry = Append(postmortem.pk, head.acl_version, updates, [edited.sender] * len(updates), edited.clients)
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
    authors = _authors_of(postmortem, sections)
    for section in sections:
        _keep_section(section, revision, authors[section.pk], now=now)
    _mark_kept(postmortem)
    return revision


def _differs(section: Section) -> bool:
    kept = section.revisions.order_by("-number").values_list("body", flat=True).first()
    return section.body != (kept or "")


def _authors_of(postmortem: Postmortem, sections: Sequence[Section]) -> dict[UUID, Authors]:
    """Who wrote what each says: as the live text knows it; before that, who saved it first in these words."""
    head = DocumentHead.objects.filter(pk=postmortem.pk).first()
    if head is None:
        return {section.pk: _saved_by(section) for section in sections}
    loaded = store.load(postmortem.pk, upto=head.body_seq)
    return dict(authors_of(loaded.document, [section.pk for section in sections], loaded.writers))


def _saved_by(section: Section) -> Authors:
    alike = section.revisions.filter(body=section.body).order_by("number").first()
    return alike.authors if alike else [(section.updated_by_id or NOBODY, len(section.body))]


def _keep_section(section: Section, revision: Revision, authors: Authors, *, now: datetime) -> None:
    section.revision += 1
    section.save(update_fields=["revision"])
    SectionRevision.objects.create(
        section=section,
        postmortem_id=section.postmortem_id,
        revision=revision,
        number=section.revision,
        body=section.body,
        authors=authors,
        saved_by_id=section.updated_by_id,
        saved_at=now,
    )


def _writers_since_last(postmortem: Postmortem, *, by: User | None) -> list[User]:
    head = DocumentHead.objects.filter(pk=postmortem.pk).first()
    people = {by.pk} if by else set()
    if head:
        people = store.writers_after(postmortem.pk, head.kept_seq, upto=head.body_seq) or people
    return list(User.objects.filter(pk__in=people))


def _mark_kept(postmortem: Postmortem) -> None:
    postmortem.sections.filter(is_kept=False).update(is_kept=True)
    head = DocumentHead.objects.filter(pk=postmortem.pk).first()
    if head:
        store.reached(postmortem.pk, kept_seq=head.body_seq)
