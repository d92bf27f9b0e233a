"""What people answer the coach."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from postmortems.models import CoachSettings, Dismissal, Postmortem
from postmortems.services.postmortem import postmortem_was_changed

MOST_DISMISSALS = 500


class TooManyDismissals(Exception):
    """Whoever lets hundreds of findings stand does not read them."""


@transaction.atomic
def dismiss_finding(
    *, postmortem: Postmortem, rule: str, place: str, quote: str, reason: str, by: User, now: datetime
) -> Dismissal:
    """Let a finding stand, with a reason that the reviewer sees. Again, it takes the new reason."""
    locked = Postmortem.objects.select_for_update(of=("self",), no_key=True).get(pk=postmortem.pk)
    if locked.dismissals.count() >= MOST_DISMISSALS:
        raise TooManyDismissals
    row, _ = Dismissal.objects.update_or_create(
        postmortem=locked, rule=rule, place=place, quote=quote,
        defaults={"reason": reason, "dismissed_by": by, "dismissed_at": now},
    )  # fmt: skip
    audit.record(by=by, verb="coach.dismissed", obj=postmortem, rule=rule)
    postmortem_was_changed(postmortem, part="coach", now=now)
    return row


@transaction.atomic
def raise_again(*, dismissal: Dismissal, by: User, now: datetime) -> None:
    """Take a dismissal back. Twice is harmless."""
    audit.record(by=by, verb="coach.raised-again", obj=dismissal.postmortem, rule=dismissal.rule)
    Dismissal.objects.filter(pk=dismissal.pk).delete()
    postmortem_was_changed(dismissal.postmortem, part="coach", now=now)


@transaction.atomic
def agree_on(*, people_in_timelines: str, by: User) -> CoachSettings:
    """What the organisation wants of its timelines."""
    row, _ = CoachSettings.objects.update_or_create(only=True, defaults={"people_in_timelines": people_in_timelines})
    audit.record(by=by, verb="coach.agreed", obj=row, people=people_in_timelines)
    return row
