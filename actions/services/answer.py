"""What somebody says to a reminder by one click: signed, for one item, and once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction

from accounts import audit
from actions.enums import Answer, Status
from actions.models import ActionItem, Notice
from actions.services.action import lock_action, save_action, set_status
from actions.services.reminder import a_week_from, pause_reminders

SALT = "actions.reminder-answer"
GOOD_FOR = timedelta(days=60)


class AnswerRefused(Exception):
    """The answer cannot be taken: forged, too old, given already, or of no use any more. Says why.

    `action`: what it was about, where the person may still see it.
    """

    def __init__(self, words: str, *, action: ActionItem | None = None) -> None:
        super().__init__(words)
        self.action = action


@dataclass(frozen=True)
class Asked:
    """What a link would do."""

    notice: Notice
    answer: Answer

    @property
    def action(self) -> ActionItem:
        assert self.notice.action is not None  # noqa: S101  (answers are about one)
        return self.notice.action


def token_for(notice: Notice, answer: Answer) -> str:
    """The end of the address behind which `answer` is given to `notice`."""
    return signing.dumps([notice.pk, answer.value], salt=SALT)


def read_token(token: str, *, lock: bool = False) -> Asked:
    """What the link would do now. Raises `AnswerRefused`."""
    try:
        pk, answer = signing.loads(token, salt=SALT, max_age=GOOD_FOR)
    except signing.SignatureExpired as error:
        raise AnswerRefused("This link is too old. Say how it stands on the page of your actions.") from error
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise AnswerRefused("This link is damaged. Use the one in the mail, whole.") from error
    rows = Notice.objects.select_for_update(of=("self",)) if lock else Notice.objects
    notice = rows.filter(pk=pk).select_related("person", "action__postmortem__incident").first()
    if notice is None or notice.action is None:
        raise AnswerRefused("This action is not there any more.")
    person = notice.person
    seen = ActionItem.objects.visible_to(person).filter(pk=notice.action.pk).first() if person.is_active else None
    is_put_off = notice.answer == Answer.SNOOZE != answer  # what was put off gets done, by the same mail
    if notice.answered_at and not is_put_off:
        raise AnswerRefused(f"You answered this already: {notice.get_answer_display().lower()}.", action=seen)
    if seen is None or seen.owner_id != person.pk:
        raise AnswerRefused("This action is not yours any more. There is nothing left for you to do.")
    if seen.is_finished:
        words = f"{seen.reference} is settled already. There is nothing left for you to do."
        raise AnswerRefused(words, action=seen)
    return Asked(notice, Answer(answer))


@transaction.atomic
def give_answer(token: str, *, now: datetime) -> Asked:
    """Do what the link says, once. Raises `AnswerRefused`."""
    asked = read_token(token, lock=True)
    person, action = asked.notice.person, lock_action(asked.action)
    if asked.answer == Answer.DONE:
        set_status(action, Status.DONE, by=person, now=now)
    elif asked.answer == Answer.SNOOZE:
        pause_reminders(action=action, person=person, until=a_week_from(now, person), by=person)
    else:
        action.owner = None
        save_action(action, ["owner"], now=now)
        audit.record(by=person, verb="action.edited", obj=action, fields=["owner"], declined=True)
    asked.notice.answer, asked.notice.answered_at = asked.answer, now
    asked.notice.save(update_fields=["answer", "answered_at"])
    return asked
