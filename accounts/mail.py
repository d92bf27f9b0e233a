"""Mail to people: one text and one HTML body from templates/mail/, sent after the change it tells of is committed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

logger = logging.getLogger("debrief.mail")


@dataclass(frozen=True)
class CalendarFile:
    """An invitation as calendars read it; `method` is what they are to do with it (RFC 5546)."""

    method: str
    content: bytes


class MailNotSent(Exception):
    """The mail server could not be reached, or refused; the log says why."""


def send(
    name: str,
    *,
    to: str,
    subject: str,
    context: dict[str, Any],
    message_id: str = "",
    calendar: CalendarFile | None = None,
) -> None:
    """Send `mail/<name>.txt` with `mail/<name>.html` beside it. MailNotSent when it did not leave this machine.

    `message_id`: the same for the same mail, where it may be sent again; mail programs then show it once. A
    `calendar` comes as a third version of the mail, for programs that show invitations, and as a file for the others.
    """
    context = {**context, "base_url": settings.BASE_URL, "subject": subject}
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()), body=render_to_string(f"mail/{name}.txt", context), to=[to]
    )
    message.extra_headers["Auto-Submitted"] = "auto-generated"  # so that nobody's absence answers it (RFC 3834)
    if message_id:
        message.extra_headers["Message-ID"] = f"<{message_id}@{urlsplit(settings.BASE_URL).hostname}>"
    message.attach_alternative(render_to_string(f"mail/{name}.html", context), "text/html")
    if calendar:
        message.attach_alternative(calendar.content.decode(), f"text/calendar; method={calendar.method}")
        message.attach("invite.ics", calendar.content, "application/ics")
    try:
        message.send()
    except (SMTPException, OSError) as error:
        logger.exception("mail %s was not sent", name)
        raise MailNotSent from error


def link_to(path: str) -> str:
    """The full address of a page, for a mail."""
    return f"{settings.BASE_URL}{path}"
