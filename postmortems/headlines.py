"""What a channel is told: a post-mortem in four lines, or the lessons of a week. Every word of people is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from accounts import slack
from accounts.mail import link_to
from accounts.slack import Message
from postmortems.blocks.incident import known_durations
from postmortems.export.plain import first_sentence, first_words, plain
from postmortems.models import Postmortem
from postmortems.queries import sections_of

LONGEST_SENTENCE = 300
LONGEST_LESSON = 240
MOST_LESSONS = 4

_counts: list[Callable[[Postmortem], str]] = []


def register_count(count: Callable[[Postmortem], str]) -> None:
    """Say how many of something a post-mortem has, in words: actions, say. Called once at start."""
    _counts.append(count)


def published_message(postmortem: Postmortem) -> Message:
    """Its title, one sentence of its summary, severity, duration, number of actions and where to read it."""
    figures = [postmortem.incident.severity, _duration(postmortem), *(count(postmortem) for count in _counts)]
    lines = [
        f"*{_title(postmortem)}*",
        slack.escape(slack.cut(_sentence(postmortem), LONGEST_SENTENCE)),
        " · ".join(slack.escape(each) for each in [*figures, str(postmortem.team)] if each),
    ]
    brief = f"Published: {slack.escape(postmortem.title)}"
    return Message(brief=brief, paragraphs=["\n".join(line for line in lines if line)])


def digest_message(postmortems: Iterable[Postmortem], *, unshown: int) -> Message:
    """What was learned in a week, by post-mortem; `unshown` more are in the library."""
    parts = ["*What was learned last week*", *map(_lessons_of, postmortems)]
    if unshown:
        parts.append(f"And {unshown} more.")
    return Message(brief="What was learned last week", paragraphs=parts)


def test_message(team: str, by: str) -> Message:
    """Proof that messages arrive."""
    words = f"{slack.escape(by)} set this channel up: it hears of post-mortems. Managed by {slack.escape(team)}."
    return Message(brief="A test of Debrief", paragraphs=[words])


def _title(postmortem: Postmortem) -> str:
    return slack.link(link_to(postmortem.get_absolute_url()), postmortem.title)


def _sentence(postmortem: Postmortem) -> str:
    """The first of the summary; the incident's own where nobody wrote one."""
    summary = next((section for section in sections_of(postmortem) if section.is_summary), None)
    return first_sentence(first_words(postmortem, summary) or plain(postmortem.incident.summary))


def _duration(postmortem: Postmortem) -> str:
    found = next((fact for fact in known_durations(postmortem.incident) if fact.key == "duration"), None)
    return found.text if found else ""


def _lessons_of(postmortem: Postmortem) -> str:
    lessons = list(postmortem.lessons.all())
    shown = [slack.escape(slack.cut(lesson.text, LONGEST_LESSON)) for lesson in lessons[:MOST_LESSONS]]
    more = [f"{len(lessons) - MOST_LESSONS} more lessons"] if len(lessons) > MOST_LESSONS else []
    return "\n".join([f"{_title(postmortem)} ({slack.escape(str(postmortem.team))})", slack.bullets([*shown, *more])])
