"""Background work on the live text: sections that follow it, revisions of it, and a log that stays short."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import DatabaseError
from django.utils import timezone

from postmortems.collab.store import LogDamaged
from postmortems.services import announcing, confluence
from postmortems.services import comment as comments
from postmortems.services import following as followings
from postmortems.services import invitation as invitations
from postmortems.services import live as services

logger = logging.getLogger("debrief.live")


@shared_task(name="postmortems.tasks.follow_text")
def follow_text(postmortem_id: int, upto: int, reason: str = "") -> None:
    """Let the sections follow the log up to entry `upto`; with a `reason`, keep a revision too. Repeating is safe."""
    services.follow_text(postmortem_id=postmortem_id, upto=upto, reason=reason, now=timezone.now())


@shared_task(name="postmortems.tasks.follow_texts")
def follow_texts(nudges: list[tuple[int, int, str]]) -> None:
    """`follow_text` for each; one that fails is left to the sweep, and does not hold up the others."""
    for nudge in nudges:
        try:
            follow_text(*nudge)
        except (DatabaseError, LogDamaged):
            logger.exception("the sections of PM-%s do not follow their text", nudge[0])


@shared_task(name="postmortems.tasks.sweep_texts")
def sweep_texts() -> None:
    """Find texts whose nudge was lost, and logs that grew long."""
    for postmortem_id, head in services.texts_left_behind(now=timezone.now()):
        follow_text.delay(postmortem_id, head, services.PAUSE)


@shared_task(name="postmortems.tasks.mail_comments")
def mail_comments() -> None:
    """Ask for a digest for everybody who has comments unread for a while."""
    for person_id in comments.people_to_mail(now=timezone.now()):
        mail_comments_to.delay(person_id)


@shared_task(name="postmortems.tasks.mail_comments_to")
def mail_comments_to(person_id: int) -> None:
    """Mail one person what they have not read; repeating it mails nothing twice."""
    comments.mail_digest(person_id=person_id, now=timezone.now())


@shared_task(name="postmortems.tasks.tell_attendees")
def tell_attendees() -> None:
    """Ask for a mail for everybody who has not heard the latest about their meeting."""
    for attendee_id in invitations.people_to_tell(now=timezone.now()):
        tell_attendee.delay(attendee_id)


@shared_task(name="postmortems.tasks.tell_attendee")
def tell_attendee(attendee_id: int) -> None:
    """Tell one attendee; repeating it sends nothing twice."""
    invitations.tell_attendee(attendee_id, now=timezone.now())


@shared_task(name="postmortems.tasks.tell_followers")
def tell_followers() -> None:
    """Plan what followers and channels hear of, and ask for each mail and message that waits."""
    now = timezone.now()
    followings.plan_tidings(now=now)
    announcing.plan_news(now=now)
    for tidings_id in followings.waiting_tidings(now=now):
        tell_tidings.delay(tidings_id)
    for news_id in announcing.waiting_news(now=now):
        tell_news.delay(news_id)


@shared_task(name="postmortems.tasks.tell_tidings")
def tell_tidings(tidings_id: int) -> None:
    """Tell one person one thing; repeating it sends nothing twice."""
    followings.tell_tidings(tidings_id, now=timezone.now())


@shared_task(name="postmortems.tasks.tell_news")
def tell_news(news_id: int) -> None:
    """Tell one channel one thing; repeating it says nothing twice."""
    announcing.tell_news(news_id, now=timezone.now())


@shared_task(name="postmortems.tasks.push_pages")
def push_pages() -> None:
    """Ask for every push that is due: those whose nudge was lost, and those tried again."""
    for postmortem_id in confluence.due_pages(now=timezone.now()):
        push_page.delay(postmortem_id)


@shared_task(name="postmortems.tasks.push_page")
def push_page(postmortem_id: int) -> None:
    """Push one post-mortem to Confluence; repeating it does nothing."""
    confluence.push_page(postmortem_id, now=timezone.now())
