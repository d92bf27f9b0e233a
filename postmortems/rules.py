"""Who may do what with a post-mortem. `can_see` is the twin of `PostmortemQuerySet.visible_to`."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from accounts.access import is_manager, is_member, may_see
from accounts.models import Membership, User
from accounts.rules import can_manage_team
from incidents import rules as incident_rules
from incidents.models import Incident
from postmortems.enums import ParticipantRole, State
from postmortems.models import Channel, Comment, Meeting, Part, Participant, Perspective, Postmortem, Review, Thread

WRITERS = (ParticipantRole.CONTRIBUTOR, ParticipantRole.FACILITATOR)


def can_start(user: User, incident: Incident) -> bool:
    """Whoever may edit the incident may start its post-mortem."""
    return incident_rules.can_edit(user, incident)


def can_see(user: User, subject: Postmortem | Part) -> bool:
    """Whether `user` may see the post-mortem, or the part of one: never without its incident."""
    postmortem = subject.guarded_by
    seen = may_see(user, postmortem.visibility, postmortem.team, is_named=lambda: is_named(user, postmortem))
    return seen and incident_rules.can_see(user, postmortem.incident)


def is_named(user: User, postmortem: Postmortem) -> bool:
    """Whether `user` stands on the post-mortem by name: its owner, or a participant in any role."""
    return postmortem.owner_id == user.pk or postmortem.participants.filter(user=user).exists()


def can_edit(user: User, subject: Postmortem | Part) -> bool:
    """Who writes: the team, the owner, contributors and facilitators, administrators."""
    postmortem = subject.guarded_by
    if not can_see(user, postmortem):
        return False
    in_office = user.is_administrator or postmortem.owner_id == user.pk or is_member(user, postmortem.team)
    return in_office or postmortem.participants.filter(user=user, role__in=WRITERS).exists()


def written_by(user: User, prefix: str) -> Q:
    """The SQL twin of `can_edit`, among rows with a post-mortem at `prefix` that `user` may see."""
    if user.is_administrator:
        return ~Q(pk__in=[])
    in_team = Exists(Membership.objects.filter(user=user, team=OuterRef(f"{prefix}team")))
    writes = Exists(Participant.objects.filter(user=user, role__in=WRITERS, postmortem=OuterRef(f"{prefix}pk")))
    return Q(**{f"{prefix}owner": user}) | Q(in_team) | Q(writes)


def can_comment(user: User, subject: Postmortem | Part) -> bool:
    """Whoever sees it may say something about it."""
    return can_see(user, subject)


def can_close(user: User, thread: Thread) -> bool:
    """Who settles a conversation: whoever began it, and those who write."""
    return can_see(user, thread) and (thread.created_by_id == user.pk or can_edit(user, thread))


def can_rewrite(user: User, comment: Comment) -> bool:
    """One's own words, and nobody else's."""
    return can_see(user, comment) and comment.created_by_id == user.pk


def can_write_perspective(user: User, perspective: Perspective) -> bool:
    """Whose it is, and nobody else: not the facilitator, not an administrator."""
    return perspective.person_id == user.pk and can_see(user, perspective.postmortem)


def can_come(user: User, meeting: Meeting) -> bool:
    """Who counts as being there: those invited, and those who write. Others may look on."""
    invited = meeting.attendees.filter(user=user, is_invited=True)
    return can_edit(user, meeting) or (can_see(user, meeting) and invited.exists())


def can_correct_lines(user: User, meeting: Meeting) -> bool:
    """Who corrects captured lines after the meeting: its facilitator and note-taker, until the minutes are sent."""
    is_theirs = user.pk in {meeting.facilitator_id, meeting.note_taker_id}
    is_open = meeting.ended_at is not None and meeting.minutes_at is None and not meeting.postmortem.is_published
    return is_theirs and is_open and can_edit(user, meeting)


def can_answer_review(user: User, review: Review) -> bool:
    """Whoever was asked."""
    return review.reviewer_id == user.pk and can_see(user, review)


def can_hand_over_review(user: User, review: Review) -> bool:
    """Whoever was asked, and those who write."""
    return can_answer_review(user, review) or can_edit(user, review)


def can_manage(user: User, subject: Postmortem | Part) -> bool:
    """Who decides about readers, people and publication: the owner, the team's managers, administrators."""
    postmortem = subject.guarded_by
    if not can_see(user, postmortem):
        return False
    return postmortem.owner_id == user.pk or user.is_administrator or is_manager(user, postmortem.team)


def can_move(user: User, postmortem: Postmortem, to: str) -> bool:
    """Whoever writes may hand it in for review; publishing and reopening are for those in charge."""
    return can_edit(user, postmortem) if to == State.IN_REVIEW else can_manage(user, postmortem)


def can_manage_channel(user: User, channel: Channel) -> bool:
    """Who decides what a channel hears: the managers of the team that set it up, administrators."""
    return can_manage_team(user, channel.team)
