"""The glossary of a post-mortem: each term explained once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.models import Postmortem, Term
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed

MOST_TERMS = 200


class ExplainedAlready(Exception):
    """Another entry explains the same term."""


class TooManyTerms(Exception):
    """A post-mortem that needs so many words explained needs other words."""


class TermGone(Exception):
    """It was deleted by someone else in the meantime."""


@transaction.atomic
def explain_term(*, postmortem: Postmortem, term: str, meaning: str, by: User, now: datetime) -> Term:
    """Add a term; the same again is kept once. Raises `ExplainedAlready`, `TooManyTerms` or `AlreadyPublished`."""
    locked = lock_for_writing(postmortem)
    twin = locked.terms.filter(term__iexact=term).first()
    if twin and twin.meaning == meaning:
        return twin
    if twin:
        raise ExplainedAlready
    if locked.terms.count() >= MOST_TERMS:
        raise TooManyTerms(f"There are {MOST_TERMS} terms. Use simpler words, or delete some.")
    row = Term.objects.create(postmortem=locked, term=term, meaning=meaning)
    _record(row, "term.added", locked, by=by, now=now)
    return row


@transaction.atomic
def update_term(*, term: Term, revision: int, word: str, meaning: str, by: User, now: datetime) -> Term:
    """Raises `EditedMeanwhile`, `ExplainedAlready`, `TermGone` or `AlreadyPublished`."""
    postmortem = lock_for_writing(term.postmortem)
    locked = Term.objects.select_for_update(of=("self",)).filter(pk=term.pk).first()
    if locked is None:
        raise TermGone
    if (locked.term, locked.meaning) == (word, meaning):
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    if postmortem.terms.filter(term__iexact=word).exclude(pk=locked.pk).exists():
        raise ExplainedAlready
    locked.term, locked.meaning = word, meaning
    locked.revision += 1
    locked.save(update_fields=["term", "meaning", "revision"])
    _record(locked, "term.edited", postmortem, by=by, now=now)
    return locked


@transaction.atomic
def delete_term(*, term: Term, by: User, now: datetime) -> None:
    """Deleting it twice is harmless."""
    postmortem = lock_for_writing(term.postmortem)
    locked = Term.objects.filter(pk=term.pk).first()
    if locked is not None:
        _record(locked, "term.deleted", postmortem, by=by, now=now)
        locked.delete()


def _record(row: Term, verb: str, postmortem: Postmortem, *, by: User, now: datetime) -> None:
    audit.record(by=by, verb=verb, obj=postmortem, row=row.pk)
    postmortem_was_changed(postmortem, part="glossary", now=now)
