"""Sending what the ledger holds: leased, checked once more, mailed, and written down.

A worker that dies between the mail server's "yes" and our note of it cannot know which it was. The mail goes out again
then, under the same Message-ID, so that mail programs show one; nothing goes missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts import slack
from accounts.enums import TeamRole
from accounts.mail import MailNotSent, link_to, send
from accounts.models import User
from accounts.slack import SlackNotSent
from actions.due import due, is_overdue
from actions.enums import Answer, NoticeKind
from actions.filters import ActionFilters
from actions.models import ActionItem, Notice, ReminderPause, ReminderSettings
from actions.queries import MOST_EXPORTED, Review, actions_for_review, joined
from actions.services.answer import token_for
from postmortems.models import Postmortem

LEASE = timedelta(minutes=5)
STALE_AFTER = timedelta(days=3)
"""A mail server that is away for longer must not bring old news when it is back."""
MOST_LINES = 30
OWN = (NoticeKind.BEFORE, NoticeKind.ON_DAY, NoticeKind.LATE)


@dataclass(frozen=True)
class Line:
    """One action in a mail; of a restricted one only that there is something."""

    name: str
    due: str
    link: str
    answers: list[tuple[str, str]] = field(default_factory=list)
    """Words and address of what may be said by one click."""
    note: str = ""


Part = tuple[str, list[Line], int]
"""A heading, what stands below it, and how many more there are."""


def people_to_tell(*, now: datetime) -> list[int]:
    """Who has something waiting that nobody is sending."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    return list(Notice.objects.waiting().filter(free).values_list("person", flat=True).distinct())


def tell_person(*, person_id: int, now: datetime) -> int:
    """Send one person what waits for them, as one mail; how many reminders it held."""
    held = _claim(person_id, now=now)
    sent = 0
    for mail in dict.fromkeys(notice.mail for notice in held):
        assert mail is not None  # noqa: S101  (given when it was claimed)
        sent += _tell([notice for notice in held if notice.mail == mail], mail, now=now)
    return sent


@transaction.atomic
def _claim(person_id: int, *, now: datetime) -> list[Notice]:
    """Lease what waits. What was in a mail that may have gone out before stays together in that mail."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    rows = Notice.objects.waiting().filter(free, person=person_id).select_for_update(of=("self",), skip_locked=True)
    held = list(rows.select_related("person", "action__owner", "action__postmortem__incident", "postmortem__incident"))
    new = uuid4()
    for notice in held:
        notice.mail = notice.mail or new
        notice.leased_until = now + LEASE
        notice.attempts += 1
    Notice.objects.bulk_update(held, ["mail", "leased_until", "attempts"])
    return held


def _tell(held: Sequence[Notice], mail: UUID, *, now: datetime) -> int:
    person = held[0].person
    wanted = _still_wanted(held, person, now=now)
    _note([notice for notice in held if notice not in wanted], is_moot=True)
    if not wanted:
        return 0
    try:
        _send(person, wanted, mail, now=now)
    except MailNotSent:
        return 0
    _note(wanted, sent_at=now)
    return len(wanted)


def _note(notices: Sequence[Notice], **values: object) -> None:
    Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(leased_until=None, **values)


def _still_wanted(held: Sequence[Notice], person: User, *, now: datetime) -> list[Notice]:
    """What was true when it was planned may not be so any more."""
    if not person.is_active:
        return []
    actions = ActionItem.objects.visible_to(person).in_bulk({n.action_id for n in held if n.action_id})
    documents = Postmortem.objects.visible_to(person).in_bulk({n.postmortem_id for n in held if n.postmortem_id})
    today = now.astimezone(person.zone).date()
    paused = ReminderPause.objects.filter(Q(until=None) | Q(until__gt=today), person=person)
    quiet = set(paused.values_list("action", flat=True))
    fresh = [notice for notice in held if now - notice.planned_at < STALE_AFTER]
    weekly = [notice for notice in fresh if notice.kind == NoticeKind.WEEKLY]
    others = [notice for notice in fresh if notice.kind != NoticeKind.WEEKLY]
    wanted = [each for each in others if _is_wanted(each, actions.get(each.action_id or 0), documents, quiet)]
    return wanted + (weekly if weekly and _week(person, now=now, most=1).lists else [])


def _is_wanted(notice: Notice, action: ActionItem | None, documents: dict[int, Postmortem], quiet: set[int]) -> bool:
    if notice.kind == NoticeKind.ALL_DONE:
        document = documents.get(notice.postmortem_id or 0)
        return document is not None and not document.action_items.unfinished().exists()
    if action is None:
        return False
    if notice.kind == NoticeKind.LOOK_AGAIN:
        return action.risk_accepted_by_id == notice.person_id and action.look_again_on == notice.for_on
    is_same = not action.is_finished and action.due_on == notice.due_on
    if notice.kind == NoticeKind.ESCALATION:
        return is_same
    return is_same and action.owner_id == notice.person_id and action.pk not in quiet


# -- The mail ----------------------------------------------------------------------------------------------------------


def _send(person: User, notices: Sequence[Notice], mail: UUID, *, now: datetime) -> None:
    kinds = {kind: [notice for notice in notices if notice.kind == kind] for kind in NoticeKind}
    own = [notice for kind in OWN for notice in kinds[kind]]
    parts = [
        ("Yours", [_own_line(notice, now=now) for notice in _by_due(own)]),
        ("Late for a week or more, in your teams", [_line(n, now=now) for n in _by_due(kinds[NoticeKind.ESCALATION])]),
        ("You said you would look again", [_risk_line(notice, now=now) for notice in kinds[NoticeKind.LOOK_AGAIN]]),
        ("Everything is settled", [_done_line(notice) for notice in kinds[NoticeKind.ALL_DONE]]),
    ]
    if kinds[NoticeKind.WEEKLY]:
        parts.append(("To talk about this week, in your teams", _week_lines(person, now=now)))
    told = [(title, lines[:MOST_LINES], max(0, len(lines) - MOST_LINES)) for title, lines in parts if lines]
    subject, weekly = _subject(kinds, own, now=now), link_to(reverse("actions:actions-review"))
    weekly = weekly if kinds[NoticeKind.WEEKLY] else ""
    if _wants_slack(person) and _told_in_slack(person, subject, told, weekly):
        return
    settings = link_to(reverse("actions:reminder-settings"))
    context = {"person": person, "parts": told, "settings": settings, "weekly": weekly}
    send("reminders", to=person.email, subject=subject, context=context, message_id=str(mail))


def _wants_slack(person: User) -> bool:
    return slack.is_connected() and ReminderSettings.objects.filter(person=person, by_slack=True).exists()


def _told_in_slack(person: User, subject: str, told: Sequence[Part], weekly: str) -> bool:
    """The same in Slack; False when it did not arrive there."""
    lines = [f"*{slack.escape(subject)}*"]
    for title, some, more in told:
        lines += ["", f"*{slack.escape(title)}*", *map(_in_slack, some), *([f"And {more} more."] if more else [])]
    if weekly:
        lines += ["", slack.link(weekly, "The week's list")]
    try:
        slack.tell(person.email, "\n".join(lines))
    except SlackNotSent:
        return False
    return True


def _in_slack(line: Line) -> str:
    answers = " · ".join(slack.link(address, words) for words, address in line.answers)
    said = " · ".join(filter(None, (slack.escape(line.due), slack.escape(line.note), answers)))
    return f"• {slack.link(line.link, line.name)}: {said}"


def _by_due(notices: Sequence[Notice]) -> list[Notice]:
    return sorted(notices, key=lambda notice: (str(notice.due_on), notice.action_id or 0))


def _subject(kinds: dict[NoticeKind, list[Notice]], own: Sequence[Notice], *, now: datetime) -> str:
    if len(own) == 1 and own[0].action:
        return f"{own[0].action.reference}: {due(own[0].action, now=now).text.lower()}"
    if own:
        return f"{len(own)} actions of yours are waiting"
    if kinds[NoticeKind.ESCALATION]:
        count = len(kinds[NoticeKind.ESCALATION])
        return f"{count} {'action is' if count == 1 else 'actions are'} late for a week or more"
    if kinds[NoticeKind.LOOK_AGAIN]:
        return "A decision not to act is to be looked at again"
    return "Every action is settled" if kinds[NoticeKind.ALL_DONE] else "Actions to talk about this week"


def _week(person: User, *, now: datetime, most: int) -> Review:
    """What the weekly review shows of the teams this person manages."""
    managed = person.memberships.filter(role=TeamRole.MANAGER).values("team")
    return actions_for_review(person, ActionFilters(), among=Q(team__in=managed), now=now, most=most)


def _week_lines(person: User, *, now: datetime) -> list[Line]:
    """The same in full, owner by owner."""
    found = _week(person, now=now, most=MOST_EXPORTED)
    order = [row.action.pk for each in found.lists for row in each.rows]
    whole = joined(ActionItem.objects.filter(pk__in=order)).in_bulk()
    return [_week_line(whole[pk], person, now=now) for pk in order if pk in whole]


def _week_line(action: ActionItem, person: User, *, now: datetime) -> Line:
    """One that is not late stands there because it goes nowhere: since when, the line says."""
    line = _line_of(action, now=now)
    if is_overdue(action, now=now) or action.postmortem.is_restricted:
        return line
    touched = action.updated_at.astimezone(person.zone)
    return replace(line, note=f"{line.note}, last touched {touched:%-d %B %Y}")


def _line(notice: Notice, *, now: datetime) -> Line:
    assert notice.action is not None  # noqa: S101  (these kinds are about one)
    return _line_of(notice.action, is_own=notice.kind in OWN, now=now)


def _line_of(action: ActionItem, *, is_own: bool = False, now: datetime) -> Line:
    is_restricted = action.postmortem.is_restricted
    name = f"{action.reference} of a restricted post-mortem" if is_restricted else str(action)
    owner = "" if is_restricted or is_own else (action.owner.display_name if action.owner else "Nobody yet")
    note = "" if is_restricted else (f"Not to be done: {action.reason}" if action.reason else owner)
    words = due(action, now=now)
    when = f"{words.on:%-d %B %Y}, {words.text.lower()}" if words.on else words.text
    return Line(name=name, due=when, link=link_to(action.get_absolute_url()), note=note)


def _own_line(notice: Notice, *, now: datetime) -> Line:
    line = _line(notice, now=now)
    answers = [
        (answer.label, link_to(reverse("actions:reminder-answer", args=[token_for(notice, answer)])))
        for answer in Answer
    ]
    return Line(name=line.name, due=line.due, link=line.link, answers=answers)


def _risk_line(notice: Notice, *, now: datetime) -> Line:
    """What was decided against: the day to look again counts, not the one it would have been due on."""
    return replace(_line(notice, now=now), due=f"to be looked at again on {notice.for_on:%-d %B %Y}")


def _done_line(notice: Notice) -> Line:
    postmortem = notice.postmortem
    assert postmortem is not None  # noqa: S101  (this kind is about one)
    name = "A restricted post-mortem" if postmortem.is_restricted else str(postmortem)
    return Line(name=name, due="all its actions", link=link_to(postmortem.get_absolute_url()))
