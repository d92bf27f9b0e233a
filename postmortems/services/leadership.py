"""The e-mail to leadership, sent by a person who read it first."""

from __future__ import annotations

from collections.abc import Iterable

from accounts import audit
from accounts.mail import MailNotSent, send
from accounts.models import User
from postmortems.models import Postmortem


class MayNotLeave(Exception):
    """What is restricted does not leave in a mail."""


class CannotRead(Exception):
    """Some recipients may not see the post-mortem."""

    def __init__(self, people: list[User]) -> None:
        super().__init__(f"{', '.join(map(str, people))} may not see this post-mortem.")


def send_to_leadership(
    *, postmortem: Postmortem, subject: str, text: str, people: Iterable[User], by: User
) -> list[User]:
    """Send the text to each; those who could not be reached. Raises `MayNotLeave` or `CannotRead` before any mail."""
    if postmortem.is_restricted:
        raise MayNotLeave
    recipients = list(people)
    shown = Postmortem.objects.filter(pk=postmortem.pk)
    blind = [person for person in recipients if not shown.visible_to(person).exists()]
    if blind:
        raise CannotRead(blind)
    missed = []
    for person in recipients:
        try:
            send("leadership", to=person.email, subject=subject, context={"text": text, "by": by})
        except MailNotSent:
            missed.append(person)
    audit.record(by=by, verb="postmortem.sent-to-leadership", obj=postmortem, people=len(recipients) - len(missed))
    return missed
