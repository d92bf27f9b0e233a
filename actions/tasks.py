"""Background work of actions: names and retries; what is done is in the services, and for Jira in `actions.jira`."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from actions.jira import bulk, inbound, queue, sync
from actions.services import connection
from actions.services.notice import people_to_tell, tell_person
from actions.services.reminder import people_to_plan_for, plan_all_done, plan_day
from actions.services.tracking import LATER

AT_A_TIME = 50
MOST_TRIES, HELD_UP = 40, 0.5
"""How often an edit comes again while other workers are in its way, and after how many seconds."""
EXPIRES = 60
"""Seconds after which a nudge is of no use: the next one says the same."""


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


@shared_task(name="actions.tasks.sync_item")
def sync_item(sync_id: int, tries: int = 0) -> None:
    """Bring one action and its issue together; a repeat finds nothing to do.

    While other workers are in the way it comes again soon, and after a while leaves it to `sync_due`.
    """
    is_done = sync.sync_item(sync_id, clock=timezone.now)
    if not is_done and tries < MOST_TRIES and queue.is_held_up(sync_id, now=timezone.now()):
        sync_item.apply_async((sync_id, tries + 1), countdown=HELD_UP, expires=EXPIRES)


@shared_task(name="actions.tasks.sync_due")
def sync_due() -> None:
    """Have everything looked at that is due: nudges that were lost, what is to be tried again, what is to be made."""
    now = timezone.now()
    connection.tell_of_pauses(now=now)
    for connection_id in inbound.due_connections(now=now):
        for sync_id in inbound.due_items(connection_id, now=now, most=AT_A_TIME):
            sync_item.apply_async((sync_id,), expires=EXPIRES)
        look_at_many.apply_async((connection_id,), expires=EXPIRES, priority=LATER)
        for _ in range(bulk.lanes_of(connection_id) if queue.due_new(connection_id, now=now).exists() else 0):
            create_in_bulk.apply_async((connection_id,), expires=EXPIRES, priority=LATER)


@shared_task(name="actions.tasks.look_at_many")
def look_at_many(connection_id: int) -> None:
    """Read what is to be looked at, a hundred at a time, and go on while there is more."""
    if inbound.look_at_many(connection_id, clock=timezone.now):
        look_at_many.apply_async((connection_id,), expires=EXPIRES, priority=LATER)


@shared_task(name="actions.tasks.create_in_bulk")
def create_in_bulk(connection_id: int) -> None:
    """Make the next fifty issues of a large run, go on while there are more, and then read what was made."""
    following = create_in_bulk if bulk.create_portion(connection_id, clock=timezone.now) else look_at_many
    following.apply_async((connection_id,), expires=EXPIRES, priority=LATER)


@shared_task(name="actions.tasks.poll_jira")
def poll_jira() -> None:
    """Ask every project for what changed that is due to be asked."""
    for mapping_id in inbound.poll_due(now=timezone.now()):
        poll_mapping.apply_async((mapping_id,), expires=EXPIRES)


@shared_task(name="actions.tasks.poll_mapping")
def poll_mapping(mapping_id: int) -> None:
    """Ask one project for what changed."""
    inbound.poll(mapping_id, clock=timezone.now)


@shared_task(name="actions.tasks.warn_of_tokens")
def warn_of_tokens() -> None:
    """Tell the administrators which tokens end soon; each warning goes out once."""
    connection.warn_of_tokens(now=timezone.now())


@shared_task(name="actions.tasks.sweep_jira")
def sweep_jira() -> None:
    """Have every linked issue looked at, once a night."""
    inbound.sweep(now=timezone.now())
