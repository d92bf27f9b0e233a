"""For managers: what is late and whose, and whether it is getting better; and the list to walk through each week."""

from __future__ import annotations

import csv
import io

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import Request, signed_in
from actions import queries
from actions.charts import Bar, grouped_bars
from actions.dashboard import Dashboard, dashboard
from actions.enums import ViewOf
from actions.forms.filters import DashboardForm
from actions.spreadsheet import safe_cell
from actions.views.context import csv_file

MOST_GROUPS = 100
"""Lines of the table; the file has all of them."""


@require_GET
@signed_in
def actions_dashboard(request: Request) -> HttpResponse:
    """The dashboard, as its address filters it."""
    form = DashboardForm(request.GET, user=request.user)
    choice = form.choice()
    is_file = request.GET.get("format") == "csv"
    shown = dashboard(request.user, choice, now=timezone.now(), most=None if is_file else MOST_GROUPS)
    if is_file:
        return _csv(shown, choice.by)
    context = {
        "form": form,
        "board": shown,
        "lines": shown.lines(),
        "choice": choice,
        "query": request.GET.urlencode(),
        **_charts(shown),
    }
    context |= queries.saved_views(request.user, ViewOf.DASHBOARD)
    template = "actions/_dashboard.html" if request.htmx else "actions/dashboard.html"
    return render(request, template, context)


def _charts(shown: Dashboard) -> dict[str, str]:
    weeks = [
        Bar(f"{week.monday:%-d %b}", (week.opened, week.closed), (week.opened_url, week.closed_url))
        for week in shown.weeks
    ]
    ages = [Bar(age.label, (age.count,), (age.url,)) for age in shown.ages]
    return {
        "flow_chart": grouped_bars(weeks, ["decided", "settled"], title="Actions decided and settled by week"),
        "age_chart": grouped_bars(ages, ["open"], title="Open actions by age"),
    }


def _csv(shown: Dashboard, by: str) -> HttpResponse:
    """The table, with the same numbers."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([by, "open", "overdue", "due within a week", "settled", "done", "done in time", "median days"])
    for group in shown.groups:
        tally = group.tally
        days = "" if tally.days is None else f"{tally.days:.1f}"
        writer.writerow(
            [
                safe_cell(group.name),
                tally.open,
                tally.overdue,
                tally.soon,
                tally.closed,
                tally.done,
                tally.on_time,
                days,
            ]
        )
    return csv_file(out.getvalue(), f"actions-by-{by}")


@require_GET
@signed_in
def actions_review(request: Request) -> HttpResponse:
    """Late and languishing actions by owner, for fifteen minutes together."""
    form = DashboardForm(request.GET, user=request.user)
    filters = form.filters()
    review = queries.actions_for_review(request.user, filters, now=timezone.now())
    context = {"form": form, "filters": filters, "review": review}
    return render(request, "actions/review.html", context)
