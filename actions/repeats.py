"""What was done before about incidents of the same kind, when one comes back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from accounts.models import User
from actions.enums import ActionKind, Status
from actions.models import ActionItem
from actions.queries import joined
from incidents.models import Incident
from postmortems.enums import FactorCategory
from postmortems.models import Factor, Postmortem


@dataclass(frozen=True)
class EarlierFix:
    """What was done before to prevent this, and why it is thought of: services and kinds of factors it shares."""

    action: ActionItem
    services: list[str]
    categories: list[str]


@dataclass(frozen=True)
class EarlierFixes:
    """`did_not_hold`: after incidents of the same service and kind of factor. `others`: of the same service alone."""

    did_not_hold: list[EarlierFix]
    others: list[EarlierFix]


def earlier_fixes(postmortem: Postmortem, user: User, *, most: int = 3) -> EarlierFixes:
    """What `user` may see of what was done before to prevent incidents of the same services; the latest first."""
    services = {each.pk: each.name for each in postmortem.incident.services.all()}
    broken = postmortem.factors.filter(has_held=False).exclude(category="")
    categories = set(broken.values_list("category", flat=True))
    done = ActionItem.objects.visible_to(user).filter(status=Status.DONE, kind=ActionKind.PREVENT)
    before = done.filter(finished_at__lt=postmortem.incident.occurred_at).exclude(postmortem=postmortem)
    on_service = Exists(
        Incident.services.through.objects.filter(service__in=services, incident=OuterRef("postmortem__incident"))
    )
    by_kind = Exists(Factor.objects.filter(postmortem=OuterRef("postmortem"), category__in=categories, has_held=False))
    found = before.filter(on_service).order_by("-finished_at", "-pk")
    earlier = joined(found).prefetch_related("postmortem__incident__services", "postmortem__factors")
    same = [_earlier_fix(each, services, categories) for each in earlier.filter(by_kind)[:most]]
    others = [_earlier_fix(each, services, categories) for each in earlier.exclude(by_kind)[:most]]
    return EarlierFixes(same, others)


def _earlier_fix(action: ActionItem, services: Mapping[int, str], categories: Collection[str]) -> EarlierFix:
    before = action.postmortem
    shared = [services[each.pk] for each in before.incident.services.all() if each.pk in services]
    kinds = {each.category for each in before.factors.all() if not each.has_held and each.category in categories}
    return EarlierFix(action, sorted(shared), [str(each.label) for each in FactorCategory if each in kinds])
