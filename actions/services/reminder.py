"""Planning reminders: each person's day is looked at once, and each reminder stands in the ledger once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery

from accounts import arrival, audit
from accounts.enums import TeamRole
from accounts.models import User
from actions.enums import UNFINISHED, NoticeKind, Status
from actions.models import ActionItem, Notice, ReminderPause, ReminderSettings
from actions.reminding import ESCALATED_AFTER, LOOK_AHEAD, WEEK, every_day, is_working_day, stage_on
from postmortems.models import Postmortem

SETTLED_LATELY = timedelta(days=1)


def people_to_plan_for(*, now: datetime) -> list[int]:
    """Whose hour has come today and who was not planned for yet. Days and hours are those of each person's own zone."""
    _make_settings()
    settings = ReminderSettings.objects.filter(person__is_active=True).select_related("person")
    import_at = arrival.arrived_at()
    return [each.person_id for each in settings if _day_to_plan(each, import_at, now=now)]


def _make_settings() -> None:
    missing = User.objects.filter(is_active=True, reminder_settings=None)
    ReminderSettings.objects.bulk_create([ReminderSettings(person=person) for person in missing], ignore_conflicts=True)


def _day_to_plan(settings: ReminderSettings, import_at: datetime | None, *, now: datetime) -> date | None:
    """The person's day, once their hour has come, unless it is planned already or one without reminders.

    On the day of an import everybody was told where everything comes from.
    """
    local = now.astimezone(settings.person.zone)
    today = local.date()
    is_on = settings.on_weekends or is_working_day(today)
    is_new = settings.planned_on is None or settings.planned_on < today
    is_new = is_new and arrival.is_day_after(today, settings.person.zone, import_at)
    return today if is_on and is_new and local.hour >= settings.at_hour else None


@transaction.atomic
def plan_day(*, person_id: int, now: datetime) -> int:
    """Write today's reminders of one person into the ledger; how many. Whoever comes second writes nothing.

    A day that was missed, because nothing ran, is made up for: of each action, the latest reminder goes out.
    """
    settings = ReminderSettings.objects.select_for_update(of=("self",)).select_related("person").get(pk=person_id)
    today = _day_to_plan(settings, arrival.arrived_at(), now=now)
    if today is None or not settings.person.is_active:
        return 0
    settings.planned_on = today
    settings.save(update_fields=["planned_on"])
    if settings.muted_until and today < settings.muted_until:
        return 0
    found = [*_of_owner(settings, today), *_of_manager(settings, today), *_of_risks(settings, today)]
    made = Notice.objects.bulk_create(
        [Notice(person=settings.person, planned_at=now, **values) for values in found], ignore_conflicts=True
    )
    return len(made)


def _of_owner(settings: ReminderSettings, today: date) -> Iterable[dict[str, object]]:
    person = settings.person
    paused = ReminderPause.objects.filter(Q(until=None) | Q(until__gt=today), person=person).values("action")
    own = ActionItem.objects.visible_to(person).filter(
        owner=person, status__in=UNFINISHED, due_on__lte=today + LOOK_AHEAD
    )
    is_on = every_day if settings.on_weekends else is_working_day
    for action in own.exclude(pk__in=paused).only("pk", "due_on", "due_set_at"):
        assert action.due_on is not None  # noqa: S101  (asked for above)
        since = action.due_set_at.astimezone(person.zone).date()
        before_due = settings.before_due
        stage = stage_on(today, due_on=action.due_on, since=since, is_on=is_on, before_due=before_due)
        if stage:
            yield {"kind": stage.kind, "action": action, "for_on": stage.for_on, "due_on": action.due_on}


def _of_manager(settings: ReminderSettings, today: date) -> Iterable[dict[str, object]]:
    """What has been late for a week in the teams this person manages; and, on Mondays, the week's list."""
    person = settings.person
    managed = list(person.memberships.filter(role=TeamRole.MANAGER).values_list("team", flat=True))
    if not managed:
        return
    told = Notice.objects.filter(person=person, kind=NoticeKind.ESCALATION, due_on=F("action__due_on")).values("action")
    late = ActionItem.objects.visible_to(person).filter(
        team__in=managed, status__in=UNFINISHED, due_on__lte=today - ESCALATED_AFTER
    )
    for action in late.exclude(owner=person).exclude(pk__in=told).only("pk", "due_on"):
        assert action.due_on is not None  # noqa: S101  (asked for above)
        for_on = action.due_on + ESCALATED_AFTER
        yield {"kind": NoticeKind.ESCALATION, "action": action, "for_on": for_on, "due_on": action.due_on}
    if settings.weekly_list:
        yield {"kind": NoticeKind.WEEKLY, "for_on": today - timedelta(days=today.weekday())}


def _of_risks(settings: ReminderSettings, today: date) -> Iterable[dict[str, object]]:
    """What this person accepted the risk of, and said they would look at again by now."""
    taken = ActionItem.objects.visible_to(settings.person).filter(
        risk_accepted_by=settings.person, status=Status.WILL_NOT_DO, look_again_on__lte=today
    )
    for action in taken.only("pk", "look_again_on"):
        yield {"kind": NoticeKind.LOOK_AGAIN, "action": action, "for_on": action.look_again_on}


@transaction.atomic
def change_reminder_settings(*, person: User, changes: Mapping[str, Any], by: User) -> None:
    """Write how `person` is reminded. Another hour counts from the next day that was not planned yet."""
    ReminderSettings.objects.update_or_create(person=person, defaults=changes)
    audit.record(by=by, verb="reminders.changed", obj=person, fields=sorted(changes))


# -- Quiet -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def pause_reminders(*, action: ActionItem, person: User, until: date | None, by: User) -> None:
    """Let `person` hear nothing of `action` until a day, or for good (None)."""
    ReminderPause.objects.update_or_create(action=action, person=person, defaults={"until": until})
    audit.record(by=by, verb="action.reminders-paused", obj=action, until=until.isoformat() if until else "")


@transaction.atomic
def resume_reminders(*, action: ActionItem, person: User, by: User) -> None:
    """Let reminders come again; repeating it changes nothing."""
    if ReminderPause.objects.filter(action=action, person=person).delete()[0]:
        audit.record(by=by, verb="action.reminders-resumed", obj=action)


def a_week_from(now: datetime, person: User) -> date:
    """The day until which somebody snoozes who says so now."""
    return now.astimezone(person.zone).date() + WEEK


# -- Everything is settled ---------------------------------------------------------------------------------------------


def plan_all_done(*, now: datetime) -> int:
    """Let those who take part in a post-mortem know when its last action was settled; how many notices that made.

    Looked for afterwards, not when an action is settled: two people settling the last two would each see the other's.
    """
    last = ActionItem.objects.filter(postmortem=OuterRef("pk")).order_by("-finished_at").values("finished_at")[:1]
    recent = ActionItem.objects.filter(finished_at__gt=arrival.since(now - SETTLED_LATELY)).values("postmortem")
    unfinished = ActionItem.objects.unfinished().filter(postmortem=OuterRef("pk"))
    settled = Postmortem.objects.filter(~Exists(unfinished), pk__in=recent).annotate(settled_at=Subquery(last))
    settled_at = dict(settled.values_list("pk", "settled_at"))
    found = [
        Notice(
            person_id=person,
            kind=NoticeKind.ALL_DONE,
            postmortem=postmortem,
            for_on=settled_at[postmortem.pk].astimezone(UTC).date(),
            planned_at=now,
        )
        for postmortem in settled.prefetch_related("participants")
        for person in {postmortem.owner_id, *(each.user_id for each in postmortem.participants.all())}
    ]
    return len(Notice.objects.bulk_create(found, ignore_conflicts=True))
