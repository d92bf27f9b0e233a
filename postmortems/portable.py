"""Kinds of rows of this app that an archive holds (docs/export.md)."""

from __future__ import annotations

import re
from array import array
from typing import Any

from accounts.portable import Kind
from accounts.portable.archive import STORED_NAME
from accounts.portable.codecs import Codec, Unfit, Value
from postmortems import models
from postmortems.enums import MeetingState, NewsState
from postmortems.search import index_all

_CONTENT_TYPE = re.compile(r"[a-z]+/[A-Za-z0-9.+_-]+(; ?[a-z]+=[A-Za-z0-9_-]+)?")


def _write_floats(packed: Any) -> Value:
    floats = array("d")
    floats.frombytes(bytes(packed))
    return floats.tolist()


def _read_floats(value: Value) -> bytes:
    if not isinstance(value, list) or not all(
        isinstance(each, int | float) and not isinstance(each, bool) for each in value
    ):
        raise Unfit("this has to be a list of numbers")
    try:
        return array("d", value).tobytes()
    except OverflowError as error:
        raise Unfit("there is a number too large for eight bytes in it") from error


def _read_authors(value: Value) -> list[list[int]]:
    if not isinstance(value, list) or not all(_is_author(each) for each in value):
        raise Unfit("this has to be a list of pairs of whole numbers")
    return value


def _is_author(pair: Value) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(type(n) is int and 0 <= n <= LARGEST for n in pair)


def _matching(pattern: re.Pattern[str], words: str, fault: str) -> Codec:
    def read(value: Value) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Unfit(fault)
        return value

    return Codec(str, read, words)


LARGEST = 2**63 - 1
AUTHORS = Codec(list, _read_authors, "list of pairs: an id in `people.jsonl`, or 0, and a number of characters")
FLOATS = Codec(_write_floats, _read_floats, "list of numbers")
STORED = _matching(STORED_NAME, "name in the folder `files/`", "this is not how files are named here")
CONTENT_TYPE = _matching(_CONTENT_TYPE, "text", "this is no content type")


def _heard(attendee: models.Attendee) -> None:
    """Whoever was about to be told of the meeting is told by the Debrief that the archive comes from."""
    meeting = attendee.meeting
    is_planned = meeting.state == MeetingState.PLANNED
    if attendee.is_invited and is_planned and meeting.invited_at:
        attendee.told, attendee.told_off = meeting.sequence, False
    elif attendee.told is not None and meeting.state in {MeetingState.PLANNED, MeetingState.CANCELLED}:
        attendee.told_off = attendee.told_off or not attendee.is_invited or not is_planned
    if meeting.minutes_at and (attendee.is_invited or attendee.came_at):
        attendee.mailed_minutes_at = attendee.mailed_minutes_at or meeting.minutes_at


def _told(tidings: models.Tidings) -> None:
    tidings.is_moot = tidings.is_moot or tidings.sent_at is None


def _without_hook(channel: models.Channel) -> None:
    if channel.hook:
        channel.trouble = "Its incoming webhook did not come along with an import: give it again."


def _said(news: models.News) -> None:
    """What waits is said by the Debrief that the archive comes from."""
    if news.state == NewsState.WAITING:
        news.state = NewsState.UNCLEAR if news.is_leaving else NewsState.MOOT


LEASE = {"leased_until": "whose hands it is in here"}
KINDS = (
    Kind("templates", models.Template, "a shape for post-mortems", is_seeded=True),
    Kind("template_sections", models.TemplateSection, "a section of a template", is_seeded=True),
    Kind("tags", models.Tag, "a word that post-mortems are found by"),
    Kind(
        "postmortems",
        models.Postmortem,
        "a post-mortem",
        left_out={"search": "worked out from the text"},
        refresh=index_all,
    ),
    Kind("participants", models.Participant, "a person named on a post-mortem"),
    Kind("sections", models.Section, "a section with its whole text"),
    Kind("revisions", models.Revision, "a moment of a post-mortem's text that was kept"),
    Kind(
        "section_revisions",
        models.SectionRevision,
        "what a section said at a revision",
        codecs={"authors": AUTHORS},
    ),
    Kind("state_changes", models.StateChange, "a move from draft to review, to published, and back"),
    Kind("lessons", models.Lesson, "a lesson"),
    Kind(
        "attachments",
        models.Attachment,
        "a file of a post-mortem; the file itself is in the archive",
        codecs={"file": STORED, "content_type": CONTENT_TYPE},
    ),
    Kind("branches", models.Branch, "a branch of the Five Whys"),
    Kind("whys", models.Why, "a why; removed ones too, since a removal can be undone", tree="parent"),
    Kind("gates", models.Gate, "a step of the fault tree", tree="parent"),
    Kind("factors", models.Factor, "a contributing factor"),
    Kind("response_notes", models.ResponseNote, "what would have halved a part of the response"),
    Kind("terms", models.Term, "a word of the glossary"),
    Kind("metrics", models.Metric, "a graph"),
    Kind(
        "metric_series",
        models.MetricSeries,
        "a line of a graph: as many values as times, which are seconds since 1970 in UTC",
        codecs={"times": FLOATS, "values": FLOATS},
    ),
    Kind("dismissals", models.Dismissal, "a finding of the coach that somebody let stand, and why"),
    Kind("coach_settings", models.CoachSettings, "what the organisation agreed on with the coach"),
    Kind("threads", models.Thread, "a conversation about some words, or a suggestion of others"),
    Kind("comments", models.Comment, "what one person said in a thread"),
    Kind(
        "comment_notices",
        models.CommentNotice,
        "who should see a comment, and whether they did",
        own="person",
    ),
    Kind("followings", models.Following, "what a person follows", own="person"),
    Kind(
        "tidings",
        models.Tidings,
        "what a person was told of publications",
        left_out=LEASE,
        settle=_told,
        own="person",
    ),
    Kind(
        "channels",
        models.Channel,
        "a Slack channel and what it hears; without its incoming webhook",
        settle=_without_hook,
    ),
    Kind("news", models.News, "what a channel was told", left_out=LEASE, settle=_said),
    Kind("confluence_places", models.ConfluencePlace, "where the pages of a team go in Confluence"),
    Kind(
        "confluence_pages",
        models.ConfluencePage,
        "the page of a post-mortem in Confluence",
        left_out={**LEASE, "lease": LEASE["leased_until"], "due_at": "nothing is pushed because of an import"},
    ),
    Kind("confluence_notes", models.ConfluenceNote, "what happened between a post-mortem and its page"),
    Kind("live_texts", models.DocumentHead, "where the live text of a post-mortem stands"),
    Kind("live_text_snapshots", models.DocumentSnapshot, "a live text up to an entry, as one Yjs update"),
    Kind(
        "live_text_updates", models.DocumentUpdate, "an entry of a live text's log: Yjs updates, each behind its length"
    ),
    Kind("live_text_writers", models.DocumentWriter, "whose page a client of a live text is"),
    Kind("meetings", models.Meeting, "a review meeting"),
    Kind("agenda", models.AgendaItem, "a step of a meeting"),
    Kind(
        "attendees", models.Attendee, "a person invited to a meeting", left_out=LEASE, settle=_heard, joins=["meeting"]
    ),
    Kind("captures", models.Capture, "a line captured in a meeting"),
    Kind("transcripts", models.TranscriptLine, "what somebody said, from a recording's transcript"),
    Kind("perspectives", models.Perspective, "what one person saw; theirs alone until `shared_at`"),
    Kind("reviews", models.Review, "a review by somebody from outside"),
    Kind("public_versions", models.PublicVersion, "the text for the world, and its approvals"),
    Kind("allowed_words", models.AllowedWords, "words that may be public all the same, and why"),
    Kind("publication_settings", models.PublicationSettings, "who approves what becomes public"),
)
