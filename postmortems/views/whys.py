"""The Five Whys on the writing page: a branch is one fragment, and every change answers with its branch."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from accounts.pages import render_part
from postmortems import rules
from postmortems.coach.ends import next_why
from postmortems.enums import SectionKind
from postmortems.forms.analysis import BranchForm, PlaceForm, WhyForm
from postmortems.models import Branch, Postmortem, Why
from postmortems.services import why as services
from postmortems.services.postmortem import AlreadyPublished
from postmortems.services.why import TooMany, WhyGone
from postmortems.views.context import text_url
from postmortems.whys import BranchTree, trees

GONE = "Somebody deleted it in the meantime. What you wrote is below."
PUBLISHED = "The post-mortem was published in the meantime: reopen it before changing its analysis."


@require_GET
@opens(Postmortem, rules.can_see)
def whys(request: Request, postmortem: Postmortem) -> HttpResponse:
    """All branches."""
    return _all(request, postmortem, BranchForm(), 200)


def _all(request: Request, postmortem: Postmortem, form: BranchForm, status: int, problem: str = "") -> HttpResponse:
    can_edit = rules.can_edit(request.user, postmortem) and not postmortem.is_published
    rows = list(postmortem.branches.all())
    standing = list(postmortem.whys.standing())
    deleted = postmortem.whys.just_deleted(timezone.now())
    context = {
        "postmortem": postmortem,
        "branches": [_shown(tree, deleted) for tree in trees(rows, standing)],
        "form": form,
        "problem": problem,
        "can_edit": can_edit,
        "section": _section(postmortem),
    }
    return _part(request, "postmortems/_whys.html", context, postmortem, status)


def _shown(tree: BranchTree, deleted: dict[int, list[Why]]) -> dict[str, Any]:
    """A branch; beside each why the question that an answer which ends too early asks for; what was just deleted."""
    rows = [(node, next_why(node.why.answer) if node.is_end else "") for node in tree.nodes]
    return {"tree": tree, "rows": rows, "undoable": deleted.get(tree.branch.pk, [])}


def _section(postmortem: Postmortem) -> Any:
    """The section that shows the whys: comments on them belong to it."""
    return postmortem.sections.filter(kind=SectionKind.WHYS).first()


def _part(
    request: Request, fragment: str, context: dict[str, Any], postmortem: Postmortem, status: int
) -> HttpResponse:
    title = f"Five Whys of {postmortem.reference}"
    return render_part(request, fragment, context, title=title, back=text_url(postmortem), status=status)


@require_POST
@opens(Postmortem, rules.can_edit)
def branch_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """One more line of questions."""
    form = BranchForm(request.POST)
    if not form.is_valid():
        return _all(request, postmortem, form, 422)
    try:
        services.add_branch(
            postmortem=postmortem, question=form.cleaned_data["question"], by=request.user, now=timezone.now()
        )
    except TooMany as error:
        return _all(request, postmortem, form, 422, str(error))
    except AlreadyPublished:
        postmortem.refresh_from_db()
        return _all(request, postmortem, form, 409, PUBLISHED)
    return _all(request, postmortem, BranchForm(), 200) if request.htmx else redirect(text_url(postmortem))


@require_GET
@opens(Branch, rules.can_see)
def branch(request: Request, branch: Branch) -> HttpResponse:
    """One branch as it is now: what "Cancel" brings back."""
    return _branch(request, branch, 200)


def _branch(request: Request, branch: Branch, status: int, **extra: Any) -> HttpResponse:
    """`extra`: a form and where it stands, or what just happened or went wrong."""
    postmortem = branch.postmortem
    can_edit = rules.can_edit(request.user, branch) and not postmortem.is_published
    [tree] = trees([branch], branch.whys.standing())
    context = {
        **_shown(tree, branch.whys.just_deleted(timezone.now())),
        "branch": branch,
        "postmortem": postmortem,
        "can_edit": can_edit,
        "section": _section(postmortem),
        **extra,
    }
    return _part(request, "postmortems/_branch.html", context, postmortem, status)


def _answered(request: Request, branch: Branch, **extra: Any) -> HttpResponseBase:
    return _branch(request, branch, 200, **extra) if request.htmx else redirect(text_url(branch.postmortem))


def _refused(request: Request, branch: Branch, problem: str, **extra: Any) -> HttpResponse:
    branch.postmortem.refresh_from_db()
    return _branch(request, branch, 409, problem=problem, **extra)


@require_http_methods(["GET", "POST"])
@opens(Branch, rules.can_edit)
def branch_edit(request: Request, branch: Branch) -> HttpResponseBase:
    """Ask in other words."""
    form = BranchForm(request.POST or None, initial={"question": branch.question, "revision": branch.revision})
    if not form.is_bound or not form.is_valid():
        return _branch(request, branch, 422 if form.is_bound else 200, branch_form=form)
    said = form.cleaned_data
    try:
        saved = services.ask_branch(
            branch=branch, revision=said["revision"] or 0, question=said["question"], by=request.user,
            now=timezone.now(),
        )  # fmt: skip
    except EditedMeanwhile:
        branch.refresh_from_db()
        mine = BranchForm({"question": said["question"], "revision": branch.revision})
        return _branch(request, branch, 409, branch_form=mine, problem=f"It asks “{branch.question}” by now.")
    except (AlreadyPublished, WhyGone):
        return _all(request, Postmortem.objects.get(pk=branch.postmortem_id), BranchForm(), 409, PUBLISHED)
    return _answered(request, saved)


@require_POST
@opens(Branch, rules.can_edit)
def branch_delete(request: Request, branch: Branch) -> HttpResponseBase:
    """Take out a branch without whys."""
    postmortem, problem = branch.postmortem, ""
    try:
        if not services.delete_branch(branch=branch, by=request.user, now=timezone.now()):
            problem = "There are whys in this branch: delete them first."
    except AlreadyPublished:
        postmortem.refresh_from_db()
        problem = PUBLISHED
    if problem or request.htmx:
        return _all(request, postmortem, BranchForm(), 409 if problem else 200, problem)
    return redirect(text_url(postmortem))


# -- Whys --------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@opens(Branch, rules.can_edit)
def why_add(request: Request, branch: Branch) -> HttpResponseBase:
    """A why below or beside another (`below`, `beside` in the URL), or at the end of the branch."""
    place = PlaceForm(request.GET, branch=branch)
    at = place.cleaned_data if place.is_valid() else {}
    below, beside = at.get("below"), at.get("beside")
    where = {"below": below, "beside": beside, "adding": True}
    question = request.GET.get("question", "")[:500]
    form = WhyForm(request.POST or None, initial={"question": question})
    if not form.is_bound or not form.is_valid():
        return _branch(request, branch, 422 if form.is_bound else 200, form=form, **where)
    said = form.cleaned_data
    try:
        added = services.add_why(
            branch=branch, below=below, beside=beside, question=said["question"], answer=said["answer"],
            by=request.user, now=timezone.now(),
        )  # fmt: skip
    except WhyGone:
        return _refused(request, branch, GONE, form=form, adding=True)
    except TooMany as error:
        return _branch(request, branch, 422, form=form, problem=str(error), **where)
    except AlreadyPublished:
        return _refused(request, branch, PUBLISHED, mine=said)
    return _answered(request, branch, changed=added)


@require_http_methods(["GET", "POST"])
@opens(Why, rules.can_edit)
def why_edit(request: Request, why: Why) -> HttpResponseBase:
    """Other words for one why."""
    initial = {"question": why.question, "answer": why.answer, "revision": why.revision}
    form = WhyForm(request.POST or None, initial=initial)
    if not form.is_bound or not form.is_valid():
        return _branch(request, why.branch, 422 if form.is_bound else 200, form=form, editing=why)
    said = form.cleaned_data
    try:
        saved = services.update_why(
            why=why, revision=said["revision"] or 0, question=said["question"], answer=said["answer"],
            by=request.user, now=timezone.now(),
        )  # fmt: skip
    except EditedMeanwhile:
        why.refresh_from_db()
        mine = WhyForm({**said, "revision": why.revision})
        return _branch(request, why.branch, 409, form=mine, editing=why, is_conflict=True)
    except WhyGone:
        return _refused(request, why.branch, GONE, form=form, adding=True)
    except AlreadyPublished:
        return _refused(request, why.branch, PUBLISHED, mine=said)
    return _answered(request, why.branch, changed=saved)


@require_POST
@opens(Why, rules.can_edit)
def why_move(request: Request, why: Why) -> HttpResponseBase:
    """Up, down, in or out."""
    try:
        services.move_why(why=why, direction=request.POST.get("direction", ""), by=request.user, now=timezone.now())
    except (WhyGone, TooMany) as error:
        return _refused(request, why.branch, str(error) or "Somebody deleted it in the meantime.")
    except AlreadyPublished:
        return _refused(request, why.branch, PUBLISHED)
    return _answered(request, why.branch, changed=why)


@require_POST
@opens(Why, rules.can_edit)
def why_delete(request: Request, why: Why) -> HttpResponseBase:
    """Delete it with what hangs below it; the answer offers to bring them back."""
    try:
        services.delete_why(why=why, by=request.user, now=timezone.now())
    except AlreadyPublished:
        return _refused(request, why.branch, PUBLISHED)
    return _answered(request, why.branch, has_deleted=True)


@require_POST
@opens(Why, rules.can_edit)
def why_restore(request: Request, why: Why) -> HttpResponseBase:
    """Bring back what was deleted with it."""
    try:
        services.restore_why(why=why, by=request.user, now=timezone.now())
    except WhyGone:
        return _refused(request, why.branch, "What it hung below was deleted since. Bring that back first.")
    except AlreadyPublished:
        return _refused(request, why.branch, PUBLISHED)
    return _answered(request, why.branch, changed=why)
