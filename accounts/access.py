"""The gate: the only door through which a request reaches an object.

Every view declares its rule with exactly one of `public`, `signed_in`, `administrators` or `opens`; a guard in the
tests fails on any URL without one. `opens` fetches and authorises in one act: what a person may not see answers 404,
so that nobody learns that it exists; what they see but may not do answers 403.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django_htmx.middleware import HtmxDetails

from accounts import audit, kept
from accounts.enums import TeamRole, Visibility
from accounts.models import Membership, Team, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Request(HttpRequest):
    """A request of a signed-in person, as every view behind the gate receives it."""

    user: User
    htmx: HtmxDetails


P = ParamSpec("P")
M = TypeVar("M", bound=models.Model)
View = Callable[..., HttpResponseBase]
Rule = Callable[[User, Any], bool]


class VisibleManager(Protocol):
    """What a model behind the gate offers: the rows a person may see."""

    def visible_to(self, user: User) -> models.QuerySet[Any]: ...


@dataclass(frozen=True)
class Access:
    """What a view declares about who may call it; read by the guards in the tests."""

    kind: str
    model: type[models.Model] | None = None
    rule: Rule | None = None


def declared_access(view: View) -> Access | None:
    """The rule a view declared, or None: then no request may reach it."""
    return cast("Access | None", getattr(view, "access", None))


def _declare(view: View, access: Access) -> None:
    view.access = access  # type: ignore[attr-defined]


def public(view: Callable[Concatenate[HttpRequest, P], HttpResponseBase]) -> View:
    """Anyone, signed in or not."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    _declare(wrapper, Access("public"))
    return wrapper


def signed_in(view: Callable[Concatenate[Request, P], HttpResponseBase]) -> View:
    """Anyone who is signed in; the view shows only what `visible_to(request.user)` gives."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return ask_to_sign_in(request)
        return view(cast("Request", request), *args, **kwargs)

    _declare(wrapper, Access("signed_in"))
    return wrapper


def administrators(view: Callable[Concatenate[Request, P], HttpResponseBase]) -> View:
    """Administrators only; to everyone else the page does not exist."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return ask_to_sign_in(request)
        if not request.user.is_administrator:
            raise Http404
        return view(cast("Request", request), *args, **kwargs)

    _declare(wrapper, Access("administrators"))
    return wrapper


def opens(
    model: type[M], rule: Rule, *, by: str = "pk"
) -> Callable[[Callable[Concatenate[Request, M, P], HttpResponseBase]], View]:
    """Open the object named in the URL by its keyword `by` and hand it to the view.

    404 when it does not exist or must stay hidden, 403 when it is seen but `rule` forbids the act. Looking at
    something restricted is recorded in the audit log.
    """

    def decorate(view: Callable[Concatenate[Request, M, P], HttpResponseBase]) -> View:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return ask_to_sign_in(request)
            user = request.user
            opened = open_object(user, model, **{by: kwargs.pop(by)})
            if not rule(user, opened):
                raise PermissionDenied
            audit.record_look(by=user, seen=opened, method=request.method or "GET")
            return view(cast("Request", request), opened, *args, **kwargs)

        _declare(wrapper, Access("opens", model, rule))
        return wrapper

    return decorate


def open_object(user: User, model: type[M], **lookup: Any) -> M:
    """The one object of `model` that `lookup` names and `user` may see; Http404 otherwise."""
    manager = cast("VisibleManager", model._default_manager)
    opened = manager.visible_to(user).filter(**lookup).first()
    if opened is None:
        raise Http404
    return cast("M", opened)


def ask_to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Send an anonymous caller to the sign-in page; a form they posted is kept and offered again afterwards."""
    if getattr(request, "htmx", False):
        response = HttpResponse("You have been signed out.", status=401, content_type="text/plain")
        response["HX-Trigger"] = "debrief:signed-out"
        return response
    if request.method == "POST":
        return redirect_to_login(kept.keep_post(request))
    return redirect_to_login(request.get_full_path())


# -- Parts of the rules that every app shares --------------------------------------------------------------------------


def is_member(user: User, team: Team | None) -> bool:
    return team is not None and team.memberships.filter(user=user).exists()


def is_manager(user: User, team: Team | None) -> bool:
    return team is not None and team.memberships.filter(user=user, role=TeamRole.MANAGER).exists()


def visibility_filter(user: User, *, named: Q, prefix: str = "") -> Q:
    """The SQL twin of `may_see`: rows that `user` may see, by their `visibility` and `team`.

    `named` selects the rows on which the person is named; `prefix` is the path to the guarded row, as in "incident__".
    """
    in_team = Exists(Membership.objects.filter(user=user, team=OuterRef(f"{prefix}team")))
    seen = Q(**{f"{prefix}visibility": Visibility.ORGANISATION}) | named
    team_only = Q(**{f"{prefix}visibility": Visibility.TEAM})
    return seen | (team_only if user.is_administrator else team_only & Q(in_team))


def may_see(user: User, visibility: str, team: Team | None, *, is_named: Callable[[], bool]) -> bool:
    """Whether `user` may see a thing of this visibility and team; `is_named` is asked only when it decides."""
    if visibility == Visibility.ORGANISATION:
        return True
    if visibility == Visibility.TEAM and (user.is_administrator or is_member(user, team)):
        return True
    return is_named()


def person(user: User | AnonymousUser) -> User | None:
    """The signed-in person, or None."""
    return user if user.is_authenticated else None
