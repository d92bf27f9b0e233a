"""Background work of actions: names and retries; what is done is in the services."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from actions.services.notice import people_to_tell, tell_person
from actions.services.reminder import people_to_plan_for, plan_all_done, plan_day


@shared_task(name="actions.tasks.remind")
def remind() -> None:
    """Plan for everybody whose hour has come, and have sent what waits."""
    now = timezone.now()
    for person_id in people_to_plan_for(now=now):
        plan_day(person_id=person_id, now=now)
    plan_all_done(now=now)
    for person_id in people_to_tell(now=now):
        remind_person.delay(person_id)


@shared_task(name="actions.tasks.remind_person")
def remind_person(person_id: int) -> None:
    """Send one person what waits for them; repeating it sends nothing twice."""
    tell_person(person_id=person_id, now=timezone.now())
