"""Templates: copied and edited by administrators."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, administrators
from postmortems import queries
from postmortems.forms.document import TemplateForm, TemplateSectionForm
from postmortems.models import Template, TemplateSection
from postmortems.services import template as services
from postmortems.services.template import BuiltIn, DefaultStays, NameTaken

BUILT_IN = "A built-in template stays as it is. Make a copy and edit that."
DEFAULT_STAYS = "This is the default of its size. Make another template the default first."


@require_GET
@administrators
def templates(request: Request) -> HttpResponse:
    """All templates, those in use first."""
    return _list(request, status=200)


def _list(request: Request, *, status: int, notice: str = "") -> HttpResponse:
    context = {"templates": queries.templates_for_page(), "notice": notice}
    return render(request, "postmortems/templates.html", context, status=status)


@require_http_methods(["GET", "POST"])
@administrators
def template(request: Request, pk: int) -> HttpResponseBase:
    """One template with its sections; a built-in one is only shown."""
    opened = get_object_or_404(Template, pk=pk)
    initial = {"name": opened.name, "tier": opened.tier, "description": opened.description}
    form = TemplateForm(request.POST or None, initial=initial)
    if not form.is_bound or not form.is_valid():
        return _template(request, opened, form, 422 if form.is_bound else 200)
    try:
        services.update_template(template=opened, by=request.user, **form.cleaned_data)
    except NameTaken:
        form.add_error("name", "Another template has this name.")
    except DefaultStays:
        form.add_error("tier", DEFAULT_STAYS)
    except BuiltIn:
        form.add_error(None, BUILT_IN)
    if form.errors:
        return _template(request, opened, form, 422)
    return redirect(opened)


def _template(request: Request, opened: Template, form: TemplateForm, status: int) -> HttpResponse:
    context = {"template": opened, "form": form, "sections": queries.sections_of_template(opened)}
    return render(request, "postmortems/template.html", context, status=status)


@require_POST
@administrators
def template_copy(request: Request, pk: int) -> HttpResponseBase:
    """A copy that can be edited."""
    return redirect(services.copy_template(template=get_object_or_404(Template, pk=pk), by=request.user))


@require_POST
@administrators
def template_archive(request: Request, pk: int) -> HttpResponseBase:
    """Offer a template no longer, or again."""
    archived = request.POST.get("archived") == "yes"
    try:
        services.archive_template(template=get_object_or_404(Template, pk=pk), is_archived=archived, by=request.user)
    except DefaultStays:
        return _list(request, status=422, notice=DEFAULT_STAYS)
    return redirect("postmortems:templates")


@require_POST
@administrators
def template_default(request: Request, pk: int) -> HttpResponseBase:
    """Make it the one that new post-mortems of its size start from."""
    services.set_default_template(template=get_object_or_404(Template, pk=pk), by=request.user)
    return redirect("postmortems:templates")


@require_http_methods(["GET", "POST"])
@administrators
def template_section_add(request: Request, pk: int) -> HttpResponseBase:
    """One more section, at the end."""
    return _edit_section(request, get_object_or_404(Template, pk=pk), None)


@require_http_methods(["GET", "POST"])
@administrators
def template_section_edit(request: Request, pk: int) -> HttpResponseBase:
    """Title, kind, guidance and wording of one section."""
    section = get_object_or_404(TemplateSection.objects.select_related("template"), pk=pk)
    return _edit_section(request, section.template, section)


def _edit_section(request: Request, opened: Template, section: TemplateSection | None) -> HttpResponseBase:
    initial = {name: getattr(section, name) for name in TemplateSectionForm.base_fields} if section else {}
    form = TemplateSectionForm(request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            services.save_template_section(template=opened, section=section, facts=form.cleaned_data, by=request.user)
        except BuiltIn:
            form.add_error(None, BUILT_IN)
        else:
            return redirect(opened)
    context = {"template": opened, "section": section, "form": form}
    return render(request, "postmortems/template_section.html", context, status=422 if form.is_bound else 200)


@require_POST
@administrators
def template_section_move(request: Request, pk: int) -> HttpResponseBase:
    """One place up or down."""
    section = get_object_or_404(TemplateSection.objects.select_related("template"), pk=pk)
    try:
        services.move_template_section(section=section, up=request.POST.get("direction") == "up", by=request.user)
    except BuiltIn:
        return _refused(request, section.template)
    return redirect(section.template)


@require_POST
@administrators
def template_section_remove(request: Request, pk: int) -> HttpResponseBase:
    """Take one section out; post-mortems made from the template keep theirs."""
    section = get_object_or_404(TemplateSection.objects.select_related("template"), pk=pk)
    try:
        services.remove_template_section(section=section, by=request.user)
    except BuiltIn:
        return _refused(request, section.template)
    return redirect(section.template)


def _refused(request: Request, opened: Template) -> HttpResponse:
    form = TemplateForm({"name": opened.name, "tier": opened.tier, "description": opened.description})
    form.add_error(None, BUILT_IN)
    return _template(request, opened, form, 422)
