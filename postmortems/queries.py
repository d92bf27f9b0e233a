"""What the pages of post-mortems read, all joins included."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchQuery
from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    F,
    Func,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    TextField,
    When,
)

from accounts.enums import Visibility
from accounts.models import Team, User
from accounts.paging import Page, page_of
from incidents.markdown import name_references
from incidents.models import Incident, Service, incident_visibility
from postmortems.blocks import block_of
from postmortems.collab import store
from postmortems.collab.authors import pieces_of
from postmortems.collab.store import NeverOpened
from postmortems.enums import SectionKind, State
from postmortems.models import (
    Channel,
    Comment,
    CommentNotice,
    ConfluenceNote,
    DocumentHead,
    Lesson,
    News,
    Participant,
    Perspective,
    Postmortem,
    PublicVersion,
    Revision,
    Section,
    SectionRevision,
    StateChange,
    Tag,
    Template,
    TemplateSection,
    Thread,
    own_visibility,
)
from postmortems.references import references_in

SHOWN_NEWS = 20
MOST_KNOWN_TAGS = 300
STARTED_WORDS = 12
"""A section of fewer words is begun rather than written."""


@dataclass(frozen=True)
class PostmortemFilters:
    """What a person chose to see; empty means everything."""

    text: str = ""
    state: str = ""
    team: Team | None = None
    severity: str = ""
    service: Service | None = None
    tag: str = ""
    mine: bool = False

    def apply(self, rows: QuerySet[Postmortem], user: User) -> QuerySet[Postmortem]:
        if self.text:
            query = SearchQuery(self.text, search_type="websearch", config="english")
            rows = rows.filter(Q(search=query) | Q(title__icontains=self.text))
        if self.state:
            rows = rows.filter(state=self.state)
        if self.team:
            rows = rows.filter(team=self.team)
        if self.severity:
            rows = rows.filter(incident__severity=self.severity)
        if self.service:
            rows = rows.filter(incident__services=self.service)
        if self.tag:
            rows = rows.filter(tags__name=self.tag)
        if self.mine:
            takes_part = Participant.objects.filter(postmortem=OuterRef("pk"), user=user)
            rows = rows.filter(Q(owner=user) | Exists(takes_part))
        return rows

    @property
    def is_empty(self) -> bool:
        return self == PostmortemFilters()


def postmortems_for_list(user: User, filters: PostmortemFilters, *, cursor: str) -> Page[Postmortem]:
    """One page of the post-mortems `user` may see, newest first."""
    rows = (
        Postmortem.objects.visible_to(user)
        .select_related("team", "owner", "incident")
        .prefetch_related("incident__services", "tags")
        .defer("search", "incident__search")
    )
    return page_of(filters.apply(rows, user), order=("pk",), cursor=cursor)


def tags_of(postmortem: Postmortem) -> list[Tag]:
    return list(postmortem.tags.all())


def known_tags(user: User) -> list[Tag]:
    return list(Tag.objects.visible_to(user)[:MOST_KNOWN_TAGS])


def postmortem_of(incident: Incident) -> Postmortem | None:
    """The post-mortem of `incident`, whoever may see it."""
    return Postmortem.objects.filter(incident=incident).select_related("incident").first()


def with_its_incident(postmortem: Postmortem) -> Postmortem:
    """The post-mortem with everything a page of it reads, in one query."""
    return (
        Postmortem.objects.select_related("team", "owner", "incident__team", "incident__commander", "template")
        .defer("search", "incident__search")
        .get(pk=postmortem.pk)
    )


@dataclass(frozen=True)
class Chapter:
    """One section in the outline of the writing page, and how far it is."""

    section: Section
    progress: str
    """"empty", "started" or "written"."""


def outline_of(postmortem: Postmortem) -> list[Chapter]:
    """The sections in order, with their progress."""
    return [Chapter(section, progress_of(section, postmortem)) for section in sections_of(postmortem)]


def sections_of(postmortem: Postmortem) -> list[Section]:
    """The sections in order."""
    sections = list(postmortem.sections.select_related("updated_by"))
    for section in sections:
        section.postmortem = postmortem
    return with_live_texts(sections)


def with_live_texts(sections: list[Section]) -> list[Section]:
    """The same sections of one post-mortem, saying what has been typed into them by now; nothing is written."""
    behind = DocumentHead.objects.filter(pk__in={section.postmortem_id for section in sections}, head__gt=F("body_seq"))
    if head := behind.first():
        texts = store.load(head.pk).document.texts()
        for section in sections:
            section.body = texts.get(section.pk, section.body) if section.is_prose else section.body
    return sections


def progress_of(section: Section, postmortem: Postmortem) -> str:
    """How far a section is: a block by whether it shows anything, prose by its words."""
    if block := block_of(section.kind):
        return "written" if block.markdown(postmortem) else "empty"
    words = len(section.body.split())
    if not words:
        return "empty"
    return "started" if words < STARTED_WORDS else "written"


def revisions_of(section: Section) -> QuerySet[SectionRevision]:
    return section.revisions.select_related("saved_by")


def revisions_for_history(postmortem: Postmortem, *, cursor: str) -> Page[Revision]:
    """One page of the moments that were kept, newest first, each with who wrote and which sections changed."""
    changed = SectionRevision.objects.select_related("section").only("revision", "section__title")
    rows = postmortem.revisions.select_related("made_by").prefetch_related("writers", Prefetch("sections", changed))
    return page_of(rows, order=("number",), cursor=cursor)


def sections_at(revision: Revision) -> dict[UUID, SectionRevision | None]:
    """What was kept of each prose section up to that moment; None of one that did not exist yet, or had no text."""
    sections = revision.postmortem.sections.filter(kind=SectionKind.PROSE)
    return {each.pk: each.revisions.filter(revision__lte=revision.pk).first() for each in sections}


def texts_at(revision: Revision) -> dict[UUID, str]:
    """What each prose section said at that moment."""
    return {section: body_of(said) for section, said in sections_at(revision).items()}


def body_of(kept: SectionRevision | None) -> str:
    return kept.body if kept else ""


def revision_before(revision: Revision) -> Revision | None:
    return revision.postmortem.revisions.filter(number__lt=revision.number).first()


@dataclass(frozen=True)
class Attribution:
    """One section in pieces, each with who wrote it: None for what no person is known for."""

    section: Section
    pieces: list[tuple[User | None, str]]


def attribution_of(postmortem: Postmortem) -> list[Attribution]:
    """Who wrote which words that stand in the text now. Empty while nobody has opened the live text."""
    try:
        loaded = store.load(postmortem.pk)
    except NeverOpened:
        return []
    people = User.objects.in_bulk(set(loaded.writers.values()))
    sections = [section for section in sections_of(postmortem) if section.is_prose]
    found = pieces_of(loaded.document, [each.pk for each in sections], loaded.writers)
    named = naming(postmortem, [text for pieces in found.values() for _, text in pieces])
    return [Attribution(each, [(people.get(pk), named(text)) for pk, text in found[each.pk]]) for each in sections]


def naming(postmortem: Postmortem, texts: Iterable[str]) -> Callable[[str], str]:
    """How the references in `texts` are shown: by what they stand for now, as in the editor."""
    return partial(name_references, references=references_in(postmortem, texts))


def state_changes_of(postmortem: Postmortem) -> QuerySet[StateChange]:
    return postmortem.state_changes.select_related("changed_by")


def threads_of(postmortem: Postmortem, user: User) -> list[Thread]:
    """The threads with their comments, in the order of the text's sections; `is_unread` for `user` on each."""
    unread = CommentNotice.objects.filter(comment__thread=OuterRef("pk"), person=user, read_at=None)
    rows = postmortem.threads.select_related("section", "created_by", "closed_by", "assigned_to")
    rows = rows.prefetch_related(Prefetch("comments", Comment.objects.select_related("created_by")))
    threads: list[Thread] = list(rows.annotate(is_unread=Exists(unread)).order_by("section__position", "pk"))
    for thread in threads:
        thread.postmortem = postmortem
    return threads


def participants_of(postmortem: Postmortem) -> QuerySet[Participant]:
    return postmortem.participants.select_related("user")


MOST_MENTIONABLE = 8
_ACCENTS = re.compile("[\u0300-\u036f]")


class PlainName(Func):
    """A name in small letters and without accents, as it is typed in a hurry."""

    template = f"regexp_replace(normalize(lower(%(expressions)s), NFKD), '{_ACCENTS.pattern}', '', 'g')"
    output_field = TextField()


def mentionable_people(postmortem: Postmortem, typed: str) -> list[tuple[User, str]]:
    """People with a name that begins like `typed` and who may see the post-mortem, each with the part they play.

    Any word of the name counts, and no accents do. Those who take part come first.
    """
    begin = _ACCENTS.sub("", unicodedata.normalize("NFKD", typed.lower()))
    begins = Q(plain_name__startswith=begin) | Q(plain_name__contains=f" {begin}") | Q(plain_name__contains=f"-{begin}")
    roles = {participant.user_id: participant.get_role_display() for participant in participants_of(postmortem)}
    roles[postmortem.owner_id] = "Owner"
    rank = Case(When(pk__in=roles, then=0), When(memberships__team=postmortem.team, then=1), default=2)
    named = User.objects.annotate(plain_name=PlainName("display_name"), rank=Min(rank))
    people = named.filter(begins, is_active=True).order_by("rank", "display_name")
    shown = Postmortem.objects.filter(pk=postmortem.pk)
    seeing = (person for person in people[: MOST_MENTIONABLE * 8] if shown.visible_to(person).exists())
    return [(person, roles.get(person.pk, "")) for person in islice(seeing, MOST_MENTIONABLE)]


def differs_since(revision: Revision) -> bool:
    """Whether the prose says something else than it did at `revision`."""
    then = texts_at(revision)
    sections = [section for section in sections_of(revision.postmortem) if section.is_prose]
    return any(section.body != then.get(section.pk, "") for section in sections)


def public_version_of(postmortem: Postmortem) -> PublicVersion | None:
    """The text for customers, public or not."""
    row = PublicVersion.objects.filter(postmortem=postmortem).select_related("legal_by", "leadership_by").first()
    if row:
        row.postmortem = postmortem
    return row


def lessons_of(postmortem: Postmortem) -> list[Lesson]:
    lessons = list(postmortem.lessons.all())
    for lesson in lessons:
        lesson.postmortem = postmortem
    return lessons


def lessons_for_library(user: User, *, cursor: str) -> Page[Lesson]:
    """Lessons of what is published and `user` may see, and of restricted post-mortems that share theirs; newest first.

    Of the latter, nothing but the lesson is to be shown: `is_seen` is false for them.
    """
    seen = Q(postmortem__in=Postmortem.objects.visible_to(user).filter(state=State.PUBLISHED).order_by().values("pk"))
    shared = Q(postmortem__lessons_shared_at__isnull=False, postmortem__state=State.PUBLISHED)
    rows = (
        Lesson.objects.filter(seen | shared)
        .annotate(is_seen=Case(When(seen, then=True), default=False))
        .select_related("postmortem__team")
        .defer("postmortem__search")
    )
    return page_of(rows, order=("pk",), cursor=cursor)


def templates_for_page() -> Iterable[Template]:
    return Template.objects.annotate(number_of_sections=Count("sections")).order_by("is_archived", "tier", "pk")


def templates_to_choose() -> QuerySet[Template]:
    """The templates a new post-mortem can start from, shortest first."""
    return Template.objects.filter(is_archived=False).order_by("pk")


def sections_of_template(template: Template) -> list[TemplateSection]:
    return list(template.sections.all())


def last_state_change(postmortem: Postmortem) -> StateChange | None:
    """The one it is in its state by; None for what was never moved."""
    return state_changes_of(postmortem).filter(undone_at=None).first()


def is_open(postmortem: Postmortem) -> bool:
    """Whether its text may still change."""
    return postmortem.state != State.PUBLISHED


def hidden_postmortems(user: User) -> QuerySet[Postmortem, Any]:
    """The post-mortems that `user` may not see, as ids: `visible_to` the other way round.

    For counting over very many of them: most are open to everybody, and few of the others have to be looked at.
    """
    guarded = Postmortem.objects.order_by().exclude(visibility=Visibility.ORGANISATION)
    incidents = Incident.objects.order_by().exclude(visibility=Visibility.ORGANISATION)
    hidden = guarded.exclude(own_visibility(user)).values("pk")
    unknown = incidents.exclude(incident_visibility(user)).values("pk")
    # As an array, thousands of them are looked up in one go along the index: five times as fast as a join.
    of_unknown = Func(
        F("incident"),
        ArraySubquery(unknown),
        template="%(expressions)s)",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )
    return hidden.union(Postmortem.objects.order_by().filter(of_unknown).values("pk"))


@dataclass(frozen=True)
class Perspectives:
    """What a person is shown of the perspectives: their own, who has answered, what was shared."""

    own: Perspective | None
    asked: list[tuple[User, str]]
    """Everybody who was asked, with how far they are; never a word of theirs."""
    shared: list[Perspective]
    proposed: list[int]
    """Responders who were not asked yet."""


def perspectives_for(postmortem: Postmortem, user: User) -> Perspectives:
    """What `user` is shown. The words of others are read only where they were shared."""
    rows = postmortem.perspectives.select_related("person").defer("text")
    asked = [(row.person, _how_far(row)) for row in rows]
    seen = Perspective.objects.visible_to(user).filter(postmortem=postmortem).select_related("person")
    own = seen.filter(person=user).first()
    shared = [row for row in seen if row.shared_at and row.person_id != user.pk]
    incident = postmortem.incident
    known = {person.pk for person, _ in asked}
    people = {person.pk for person in incident.responders.all()} | ({incident.commander_id} - {None})
    return Perspectives(own, asked, shared, sorted(pk for pk in people - known if pk))


def _how_far(row: Perspective) -> str:
    if row.shared_at:
        return "shared"
    return "has written" if row.answered_at else "was asked"


def notes_on_push(postmortem: Postmortem) -> list[ConfluenceNote]:
    """What happened between it and its page, the latest first."""
    return list(postmortem.confluence_notes.all()[:SHOWN_NEWS])


def news_for_channel(channel: Channel, user: User) -> list[News]:
    """What it was told lately, the latest first; of post-mortems those that `user` may see."""
    seen = Q(postmortem=None) | Q(postmortem__in=Postmortem.objects.visible_to(user))
    return list(channel.news.filter(seen).select_related("postmortem")[:SHOWN_NEWS])
