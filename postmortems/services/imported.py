"""A post-mortem made from an incident file, and brought up to date when the file is read again.

What the importer wrote and nobody touched since follows the file; what people wrote or deleted stays as they left it.
`ImportedPart` remembers what the file said last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from incidents import policy
from incidents.enums import Tier
from incidents.models import Incident
from incidents.tagging import MOST_TAGS
from postmortems.enums import RevisionReason, SectionKind, State
from postmortems.models import Lesson, Postmortem, Section, Template
from postmortems.services.draft import make_postmortem
from postmortems.services.imported_analysis import PROSE, import_analysis, memory_of, remember
from postmortems.services.postmortem import lock_postmortem, postmortem_was_changed
from postmortems.services.section import append_section
from postmortems.services.state import write_state
from postmortems.services.tag import add_tags, remove_tags
from postmortems.services.text import keep_revision, write_texts

if TYPE_CHECKING:
    from incidents.importers.debrief_json import IncidentDocument

SECTIONS, LESSONS, TAGS = PROSE, "pm-lessons", "pm-tags"
PUBLISHED_AFTER = timedelta(days=14)


@dataclass(frozen=True)
class Chapter:
    """One prose section as the file has it: where it goes, and its text."""

    key: str
    title: str
    body: str


@transaction.atomic
def import_postmortem(
    *, incident: Incident, document: IncidentDocument, by: User, now: datetime
) -> tuple[Postmortem, dict[int, Lesson]]:
    """Make or update the post-mortem of `incident` from `document`; repeating it changes nothing.

    Returns it with its lessons by their number in the file, counted from one. A new one is published; the state of one
    that exists is left alone.
    """
    locked = Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
    existing = Postmortem.objects.filter(incident=locked).first()
    postmortem = existing or make_postmortem(locked, template=_builtin_template(locked), by=by, now=now)
    postmortem = lock_postmortem(postmortem)
    changed = _import_chapters(postmortem, chapters(document), by=by, now=now)
    lessons, lessons_changed = _import_lessons(postmortem, list(document.lessons), by=by, now=now)
    _import_tags(postmortem, list(document.tags), by=by, now=now)
    changed = import_analysis(postmortem, document, by=by, now=now) or changed
    if existing is None:
        audit.record(by=by, verb="postmortem.imported", obj=postmortem, incident=locked.pk)
        _publish(postmortem, by=by, now=now)
    elif changed or lessons_changed:
        audit.record(by=by, verb="postmortem.import-updated", obj=postmortem)
    if existing is None or changed or lessons_changed:
        postmortem_was_changed(postmortem, part="lessons", now=now)
    return postmortem, lessons


def _builtin_template(incident: Incident) -> Template:
    """The built-in template whose sections the file's parts fit; a file is never a lightweight one."""
    tier = policy.recommend(incident).tier
    return Template.objects.get(is_builtin=True, tier=Tier.FULL if tier == Tier.FULL else Tier.STANDARD)


def _publish(postmortem: Postmortem, *, by: User, now: datetime) -> None:
    """Publish what was imported, a fortnight after its incident as far as is known, never in the future."""
    ended = postmortem.incident.resolved_at or postmortem.incident.occurred_at
    write_state(postmortem, to=State.PUBLISHED, note="Imported.", by=by, now=min(ended + PUBLISHED_AFTER, now))


# -- Sections ---------------------------------------------------------------------------------------------------------


def chapters(document: IncidentDocument) -> list[Chapter]:
    """The prose of the document, section by section, without the empty ones."""
    found = [
        Chapter("summary", "Summary", document.summary or ""),
        Chapter("well", "What went well", _bullets(document.went_well)),
        Chapter("improve", "What could be improved", _bullets(document.could_improve)),
        Chapter("sources", "Sources and data notes", _sources(document)),
    ]
    return [chapter for chapter in found if chapter.body]


def _import_chapters(postmortem: Postmortem, found: list[Chapter], *, by: User, now: datetime) -> bool:
    """Write each chapter to its section unless people changed that; True when anything was written."""
    memory = memory_of(postmortem.incident, SECTIONS, now=now)
    texts: dict[Section, str] = {}
    for chapter in found:
        last: dict[str, str] | None = memory.values.get(chapter.key)
        section = _section_of(postmortem, chapter, last, now=now)
        if section is None:
            continue
        untouched = section.body == (last["body"] if last else "")
        if untouched and section.body != chapter.body:
            texts[section] = chapter.body
        if untouched:
            memory.values[chapter.key] = {"section": str(section.pk), "body": chapter.body}
    if texts:
        write_texts(postmortem, texts, by=by, now=now)
        keep_revision(postmortem, reason=RevisionReason.FILLED, by=by, now=now)
    remember(memory, now=now)
    return bool(texts)


def _section_of(
    postmortem: Postmortem, chapter: Chapter, last: Mapping[str, str] | None, *, now: datetime
) -> Section | None:
    """The section of this chapter, made if there never was one; None when people removed it."""
    sections = postmortem.sections.select_for_update()
    if last:
        return sections.filter(pk=last["section"]).first()
    if chapter.key == "summary":
        section = sections.filter(is_summary=True).first()
    else:
        section = sections.filter(kind=SectionKind.PROSE, title=chapter.title).first()
    return section or append_section(postmortem, title=chapter.title, now=now)


def _bullets(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _sources(document: IncidentDocument) -> str:
    parts = []
    if document.sources:
        parts.append("**Sources**\n\n" + _bullets(f"<{source}>" for source in document.sources))
    if document.data_notes:
        parts.append("**Data notes**\n\n" + _bullets(document.data_notes))
    return "\n\n".join(parts)


# -- Tags -------------------------------------------------------------------------------------------------------------


def _import_tags(postmortem: Postmortem, said: list[str], *, by: User, now: datetime) -> None:
    """Put on what the file names newly and take off what it names no more; what people did to the others stays."""
    memory = memory_of(postmortem.incident, TAGS, now=now)
    last: list[str] = memory.values.get("tags", [])
    remove_tags(postmortem=postmortem, names=set(last) - set(said), by=by, now=now)
    room = MOST_TAGS - postmortem.tags.count()
    add_tags(postmortem=postmortem, names=[name for name in said if name not in last][:room], by=by, now=now)
    memory.values["tags"] = said
    remember(memory, now=now)


# -- Lessons ----------------------------------------------------------------------------------------------------------


def _import_lessons(
    postmortem: Postmortem, texts: list[str], *, by: User, now: datetime
) -> tuple[dict[int, Lesson], bool]:
    """Bring the lessons in line with the file; a lesson that people changed or deleted stays as they left it."""
    memory = memory_of(postmortem.incident, LESSONS, now=now)
    present = {lesson.import_key: lesson for lesson in postmortem.lessons.select_for_update()}
    lessons: dict[int, Lesson] = {}
    changed = False
    for number, text in enumerate(texts, start=1):
        key = f"lesson-{number}"
        lesson = present.get(key)
        last = memory.values.get(key)
        if lesson is None and last is None:
            lesson = _new_lesson(postmortem, text, key, by=by, now=now)
            changed = True
        elif lesson is not None and lesson.text == last != text:
            lesson.text = text
            lesson.revision += 1
            lesson.save(update_fields=["text", "revision"])
            changed = True
        if lesson is not None:
            lessons[number] = lesson
        if lesson is None or lesson.text == text:
            memory.values[key] = text
    remember(memory, now=now)
    return lessons, changed


def _new_lesson(postmortem: Postmortem, text: str, key: str, *, by: User, now: datetime) -> Lesson:
    postmortem.last_lesson_number += 1
    postmortem.save(update_fields=["last_lesson_number"])
    return Lesson.objects.create(
        postmortem=postmortem,
        number=postmortem.last_lesson_number,
        text=text,
        import_key=key,
        created_by=by,
        created_at=now,
    )
