"""Templates: copied, then edited. The built-in ones stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from postmortems.models import Template, TemplateSection
from postmortems.services.order import next_position


class BuiltIn(Exception):
    """A built-in template is not edited: make a copy of it."""


class NameTaken(Exception):
    """Another template has this name."""


class DefaultStays(Exception):
    """The default template of a size is replaced by another before it is archived."""


@transaction.atomic
def copy_template(*, template: Template, by: User) -> Template:
    """A copy that can be edited, under a free name."""
    copy = Template.objects.create(name=_free_name(template), tier=template.tier, description=template.description)
    TemplateSection.objects.bulk_create(_copied(section, copy) for section in template.sections.all())
    audit.record(by=by, verb="template.copied", obj=copy, source=template.pk)
    return copy


def _copied(section: TemplateSection, template: Template) -> TemplateSection:
    return TemplateSection(
        template=template,
        position=section.position,
        kind=section.kind,
        title=section.title,
        guidance=section.guidance,
        body=section.body,
        is_summary=section.is_summary,
    )


def _free_name(template: Template) -> str:
    taken = {name.lower() for name in Template.objects.values_list("name", flat=True)}
    base = f"{template.name[:60]} (copy)"
    names = (base, *(f"{base} {n}" for n in range(2, len(taken) + 3)))
    return next(name for name in names if name.lower() not in taken)


@transaction.atomic
def update_template(*, template: Template, name: str, tier: str, description: str, by: User) -> Template:
    """Change name, size and description; the default of a size keeps that size.

    Raises `BuiltIn`, `NameTaken` or `DefaultStays`.
    """
    locked = _locked(template)
    if Template.objects.filter(name__iexact=name).exclude(pk=locked.pk).exists():
        raise NameTaken
    if locked.tier != tier and locked.is_default:
        raise DefaultStays
    locked.name, locked.tier, locked.description = name, tier, description
    locked.save(update_fields=["name", "tier", "description"])
    audit.record(by=by, verb="template.edited", obj=locked)
    return locked


@transaction.atomic
def set_default_template(*, template: Template, by: User) -> Template:
    """Make it the one that new post-mortems of its size start from."""
    same_size = list(Template.objects.select_for_update().filter(tier=template.tier).order_by("pk"))
    locked = next(row for row in same_size if row.pk == template.pk)
    if locked.is_default and not locked.is_archived:
        return locked
    Template.objects.filter(tier=locked.tier, is_default=True).update(is_default=False)
    locked.is_default, locked.is_archived = True, False
    locked.save(update_fields=["is_default", "is_archived"])
    audit.record(by=by, verb="template.made-default", obj=locked)
    return locked


@transaction.atomic
def archive_template(*, template: Template, is_archived: bool, by: User) -> Template:
    """Offer it no longer, or again. Post-mortems made from it keep their sections. Raises `DefaultStays`."""
    locked = Template.objects.select_for_update().get(pk=template.pk)
    if is_archived and locked.is_default:
        raise DefaultStays
    if locked.is_archived != is_archived:
        locked.is_archived = is_archived
        locked.save(update_fields=["is_archived"])
        audit.record(by=by, verb="template.archived" if is_archived else "template.restored", obj=locked)
    return locked


@transaction.atomic
def save_template_section(
    *, template: Template, section: TemplateSection | None, facts: Mapping[str, Any], by: User
) -> TemplateSection:
    """Write one section; a new one goes last. Only one section is the summary. Raises `BuiltIn`."""
    locked = _locked(template)
    if section is None:
        section = TemplateSection(template=locked, position=next_position(locked.sections.all()))
    if facts.get("is_summary"):
        locked.sections.exclude(pk=section.pk).update(is_summary=False)
    for name, value in facts.items():
        setattr(section, name, value)
    section.save()
    audit.record(by=by, verb="template.section-saved", obj=locked, section=section.pk)
    return section


@transaction.atomic
def move_template_section(*, section: TemplateSection, up: bool, by: User) -> None:
    """Swap places with the neighbour above or below; at the end of the list nothing happens. Raises `BuiltIn`."""
    locked = _locked(section.template)
    sections = list(locked.sections.all())
    here = next((index for index, row in enumerate(sections) if row.pk == section.pk), None)
    there = (here - 1 if up else here + 1) if here is not None else None
    if here is None or there is None or not 0 <= there < len(sections):
        return
    sections[here], sections[there] = sections[there], sections[here]
    for position, row in enumerate(sections, start=1):
        row.position = position
    TemplateSection.objects.bulk_update(sections, ["position"])
    audit.record(by=by, verb="template.section-moved", obj=locked, section=section.pk)


@transaction.atomic
def remove_template_section(*, section: TemplateSection, by: User) -> None:
    """Take one section out of the template; twice is harmless. Raises `BuiltIn`."""
    locked = _locked(section.template)
    if TemplateSection.objects.filter(pk=section.pk).delete()[0]:
        audit.record(by=by, verb="template.section-removed", obj=locked, section=section.pk)


def _locked(template: Template) -> Template:
    locked = Template.objects.select_for_update().get(pk=template.pk)
    if locked.is_builtin:
        raise BuiltIn
    return locked
