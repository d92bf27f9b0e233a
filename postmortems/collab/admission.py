"""Who may come in to the live text, by which right, and whether that still holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from functools import wraps
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs, urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import close_old_connections
from django.http import Http404, HttpRequest
from django.http.request import split_domain_port, validate_host
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import audit
from accounts.access import open_object
from accounts.models import Membership, User
from postmortems import rules
from postmortems.collab import store
from postmortems.collab.failures import failures_told
from postmortems.collab.ports import Code, Peer, Standing
from postmortems.models import Postmortem

P = ParamSpec("P")
T = TypeVar("T")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

NOT_FOUND, NOT_SIGNED_IN, DAMAGED = 4404, 4401, 4500
Basis = tuple[Any, ...]


@dataclass(eq=False)  # not frozen: Python writes the traceback into it
class Refused(Exception):
    """Nobody comes in: the code to close with, and why."""

    code: int
    reason: str


UNOPENED = Refused(DAMAGED, "This text cannot be opened now.")


@dataclass(frozen=True)
class Admitted:
    """Somebody who may read, and perhaps write."""

    user: User
    session_key: str
    postmortem_id: int
    may_write: bool
    is_restricted: bool
    basis: Basis
    acl_version: int | None
    """Of the rights that were asked about; None when the live text had not begun before."""


class Visitor(Peer):
    """A peer that came in by a session."""

    def __init__(self, admitted: Admitted, *, wants_ours: bool) -> None:
        person = {"id": admitted.user.pk, "name": admitted.user.display_name}
        super().__init__(
            may_write=admitted.may_write,
            wants_ours=wants_ours,
            person=person,
            acl_version=admitted.acl_version,
            is_restricted=admitted.is_restricted,
        )
        self.session_key = admitted.session_key
        self.basis = admitted.basis


def with_connection(work: Callable[P, T]) -> Callable[P, T]:
    """`work` in a thread outside any request: its database connection is looked after as a request's is.

    Raises `LogUnreachable` while the database does not answer.
    """

    @wraps(work)
    def looked_after(*args: P.args, **kwargs: P.kwargs) -> T:
        close_old_connections()
        try:
            with failures_told():
                return work(*args, **kwargs)
        finally:
            close_old_connections()

    return looked_after


@with_connection
def admit(scope: Scope, postmortem_id: int) -> Admitted:
    """The person behind the connection, with what they may do. Raises `Refused`.

    What rights rest on is read before they are asked about: whatever changes meanwhile is found to differ.
    """
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    _check_origin(headers)
    session_key = _session_key(headers.get("cookie", ""))
    user = user_of(session_key)
    if user is None:
        raise Refused(NOT_SIGNED_IN, "Sign in first.")
    if asked(scope, "as") not in {"", str(user.pk)}:  # what one person wrote is not another's who signs in later
        raise Refused(NOT_SIGNED_IN, "Somebody else has signed in since this page was opened.")
    [basis] = _bases([(session_key, user.pk)])
    version = store.acl_version_of(postmortem_id)
    try:
        postmortem = open_object(user, Postmortem, pk=postmortem_id)
    except Http404 as hidden:
        raise Refused(NOT_FOUND, "There is nothing here.") from hidden
    _record_look(user, session_key, postmortem)
    store.open_document(postmortem)
    may_write, is_restricted = _may_write(user, postmortem), postmortem.is_restricted
    return Admitted(user, session_key, postmortem.pk, may_write, is_restricted, basis, version)


def asked(scope: Scope, name: str) -> str:
    """What the address says of `name`; "" when that is nothing."""
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get(name, [""])[0]


LOOK_SECONDS = 3600


def _record_look(user: User, session_key: str, postmortem: Postmortem) -> None:
    """Once an hour, not with every reconnection."""
    session = salted_hmac("debrief.look", session_key).hexdigest()
    is_known = cache.add(f"look:{session}:{postmortem.pk}", True, LOOK_SECONDS) is False  # None: Redis is away
    if not is_known:
        audit.record_look(by=user, seen=postmortem, method="GET")


def _check_origin(headers: dict[str, str]) -> None:
    """A page of another site must not connect in its visitor's name. Clients that are no browser say no origin."""
    host = headers.get("host", "")
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        raise Refused(Code.FORBIDDEN, "This address is not served here.")
    origin = headers.get("origin")
    if origin and urlsplit(origin).netloc != host and origin not in settings.CSRF_TRUSTED_ORIGINS:
        raise Refused(Code.FORBIDDEN, "Pages of other sites may not connect.")


def _session_key(cookies: str) -> str:
    try:
        morsel = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def user_of(session_key: str) -> User | None:
    """Whose session it is, as long as it is valid."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key or None)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def _may_write(user: User, postmortem: Postmortem) -> bool:
    return rules.can_edit(user, postmortem) and not postmortem.is_published


@with_connection
def standing_of(session_key: str, postmortem_id: int) -> Standing:
    """What the person of this session may do now."""
    user = user_of(session_key)
    postmortem = Postmortem.objects.visible_to(user).filter(pk=postmortem_id).first() if user else None
    if user is None or postmortem is None:
        return Standing(may_read=False, may_write=False)
    return Standing(may_read=True, may_write=_may_write(user, postmortem), is_restricted=postmortem.is_restricted)


@with_connection
def bases_of(visitors: Sequence[Visitor]) -> list[Basis]:
    """What the rights of each rest on beside the post-mortem itself: session, person, teams. Three queries for all.

    What changes on the post-mortem or its incident raises the version of its log (`store.rights_changed`).
    """
    return _bases([(visitor.session_key, visitor.person["id"]) for visitor in visitors])


def _bases(who: Sequence[tuple[str, int]]) -> list[Basis]:
    keys = {key for key, _ in who}
    sessions = {
        row.session_key: row.get_decoded()
        for row in Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    }
    people = User.objects.in_bulk({pk for _, pk in who})
    teams: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for membership in Membership.objects.filter(user__in=people).order_by("pk"):
        teams[membership.user_id].append((membership.team_id, membership.role))
    return [_basis(people.get(pk), sessions.get(key), teams) for key, pk in who]


def _basis(user: User | None, session: dict[str, Any] | None, teams: dict[int, list[tuple[int, str]]]) -> Basis:
    if user is None or session is None or session.get(SESSION_KEY) != str(user.pk):
        return ("gone",)
    is_signed_in = constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return (is_signed_in, user.is_active, user.is_administrator, tuple(teams.get(user.pk, ())))


class SessionGate:
    """`ports.Gate` over sessions and `postmortems.rules`."""

    async def standing(self, peer: Peer, postmortem_id: int) -> Standing:
        assert isinstance(peer, Visitor)  # noqa: S101  (the hub knows no other here)
        return await sync_to_async(standing_of, thread_sensitive=False)(peer.session_key, postmortem_id)

    async def bases(self, peers: Sequence[Peer]) -> list[Basis]:
        visitors = [peer for peer in peers if isinstance(peer, Visitor)]
        return await sync_to_async(bases_of, thread_sensitive=False)(visitors) if visitors else []
