"""A meeting as calendars read it: iCalendar (RFC 5545) with the methods of iTIP (RFC 5546)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from uuid import UUID

from icalendar import Alarm, Calendar, Event, vCalAddress, vText, vUri

PRODUCT = "-//Debrief//Review meetings//EN"


@dataclass(frozen=True)
class Guest:
    email: str
    name: str


@dataclass(frozen=True)
class Invitation:
    """What an invitation says. `sequence` rises with each change; the `uid` stays."""

    uid: UUID
    sequence: int
    summary: str
    description: str
    url: str
    place: str
    starts_at: datetime
    ends_at: datetime
    organiser: Guest
    guests: list[Guest]
    made_at: datetime


def invitation_file(invitation: Invitation, *, host: str, is_cancelled: bool = False) -> bytes:
    """The file to send: METHOD:REQUEST, or METHOD:CANCEL when it is off for those who get it.

    Times are in UTC: every calendar shows them on its own clock, and no definition of a zone can be out of date.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "CANCEL" if is_cancelled else "REQUEST")
    event = Event()
    event.add("uid", f"{invitation.uid}@{host}")
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", invitation.made_at.astimezone(UTC))
    event.add("dtstart", invitation.starts_at.astimezone(UTC))
    event.add("dtend", invitation.ends_at.astimezone(UTC))
    event.add("summary", invitation.summary)
    event.add("description", invitation.description)
    event.add("url", vUri(invitation.url))
    if invitation.place:
        event.add("location", invitation.place)
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("transp", "OPAQUE")
    event["organizer"] = _address(invitation.organiser)
    for guest in _attendees(invitation.guests):
        event.add("attendee", guest, encode=False)
    if not is_cancelled:
        event.add_component(_alarm())
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _address(guest: Guest) -> vCalAddress:
    address = vCalAddress(f"mailto:{parseaddr(guest.email)[1]}")
    address.params["CN"] = vText(guest.name)
    return address


def _attendees(guests: Iterable[Guest]) -> Iterable[vCalAddress]:
    for guest in guests:
        address = _address(guest)
        address.params["ROLE"] = vText("REQ-PARTICIPANT")
        address.params["PARTSTAT"] = vText("NEEDS-ACTION")
        address.params["RSVP"] = vText("TRUE")
        yield address


def _alarm() -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", "The review begins in ten minutes")
    alarm.add("trigger", timedelta(minutes=-10))
    return alarm
