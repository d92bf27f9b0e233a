"""Lessons: numbered once and for good."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.models import Lesson, Postmortem
from postmortems.services.postmortem import lock_for_writing, lock_postmortem, postmortem_was_changed


class LessonGone(Exception):
    """The lesson was deleted by someone else in the meantime."""


@transaction.atomic
def add_lesson(*, postmortem: Postmortem, text: str, by: User, now: datetime, import_key: str | None = None) -> Lesson:
    """Add a lesson under the next number. The same text twice (a double click) is kept once."""
    locked = lock_for_writing(postmortem)
    twin = locked.lessons.filter(text=text).first()
    if twin:
        return twin
    locked.last_lesson_number += 1
    locked.save(update_fields=["last_lesson_number"])
    lesson = Lesson.objects.create(
        postmortem=locked,
        number=locked.last_lesson_number,
        text=text,
        created_by=by,
        created_at=now,
        import_key=import_key,
    )
    _record(lesson, "lesson.added", by=by)
    postmortem_was_changed(locked, part="lessons", now=now)
    return lesson


@transaction.atomic
def update_lesson(*, lesson: Lesson, revision: int, text: str, by: User, now: datetime) -> Lesson:
    """Write `text` if nobody saved the lesson since `revision`.

    Raises `EditedMeanwhile` with the lesson as it is now, `LessonGone` or `AlreadyPublished`.
    """
    postmortem = lock_for_writing(lesson.postmortem)
    locked = _locked(lesson)
    if locked.text == text:
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    locked.text = text
    locked.revision += 1
    locked.save(update_fields=["text", "revision"])
    _record(locked, "lesson.edited", by=by)
    postmortem_was_changed(postmortem, part="lessons", now=now)
    return locked


@transaction.atomic
def delete_lesson(*, lesson: Lesson, by: User, now: datetime) -> None:
    """Delete the lesson and retire its number. Deleting it twice is harmless; raises `AlreadyPublished`."""
    postmortem = lock_for_writing(lesson.postmortem)
    locked = Lesson.objects.filter(pk=lesson.pk).first()
    if locked is None:
        return
    _record(locked, "lesson.deleted", by=by)
    locked.delete()
    postmortem_was_changed(postmortem, part="lessons", now=now)


def _locked(lesson: Lesson) -> Lesson:
    locked = Lesson.objects.select_for_update(of=("self",)).filter(pk=lesson.pk).first()
    if locked is None:
        raise LessonGone
    locked.postmortem = lesson.postmortem
    return locked


def _record(lesson: Lesson, verb: str, *, by: User) -> None:
    """The log names a lesson by its post-mortem and number: its text stays out of the log."""
    audit.record(by=by, verb=verb, obj=lesson, label=f"{lesson.postmortem.reference} lesson {lesson.number}")


@transaction.atomic
def share_lessons(*, postmortem: Postmortem, is_shared: bool, by: User, now: datetime) -> None:
    """Let the whole organisation read the lessons of a restricted post-mortem, or no more. Twice is harmless."""
    locked = lock_postmortem(postmortem)
    if (locked.lessons_shared_at is not None) == is_shared:
        return
    locked.lessons_shared_at = now if is_shared else None
    locked.save(update_fields=["lessons_shared_at"])
    audit.record(by=by, verb="lessons.shared" if is_shared else "lessons.taken-back", obj=locked)
    postmortem_was_changed(locked, part="people", now=now)
