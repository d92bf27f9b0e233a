"""The channels in Slack that a team looks after, and what each hears."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import slack
from accounts.access import Request, opens
from accounts.models import Team
from accounts.rules import can_manage_team
from accounts.slack import Refused, Unanswered
from postmortems import queries, rules
from postmortems.forms.channel import ChannelForm
from postmortems.models import Channel
from postmortems.services import announcing as services
from postmortems.services.announcing import ChannelFacts, NameTaken

NAME_TAKEN = "The team has this channel already."


@require_http_methods(["GET", "POST"])
@opens(Team, can_manage_team, by="slug")
def channels(request: Request, team: Team) -> HttpResponseBase:
    """All channels of the team; POST sets up another."""
    form = ChannelForm(request.POST or None, initial={"teams": [team.pk]})
    if request.method == "POST" and form.is_valid():
        saved = _save(request, team, None, form)
        if saved:
            messages.success(request, f"{saved} was set up. Send a test message to see whether it arrives.")
            return redirect(saved)
    context = {"team": team, "form": form, "channels": team.channels.all(), "has_bot": slack.is_connected()}
    return render(request, "postmortems/channels.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@opens(Channel, rules.can_manage_channel)
def channel(request: Request, channel: Channel) -> HttpResponseBase:
    """One channel: what it hears, how it went last."""
    form = ChannelForm(request.POST or None, initial=_wishes(channel))
    if request.method == "POST" and form.is_valid() and _save(request, channel.team, channel, form):
        messages.success(request, "Kept.")
        return redirect(channel)
    context = {
        "channel": channel,
        "team": channel.team,
        "form": form,
        "has_bot": slack.is_connected(),
        "news": queries.news_for_channel(channel, request.user),
    }
    return render(request, "postmortems/channel.html", context, status=422 if form.errors else 200)


def _save(request: Request, team: Team, channel: Channel | None, form: ChannelForm) -> Channel | None:
    try:
        return services.save_channel(
            channel, team=team, facts=ChannelFacts(**form.cleaned_data), by=request.user, now=timezone.now()
        )
    except NameTaken:
        form.add_error("name", NAME_TAKEN)
        return None


def _wishes(channel: Channel) -> dict[str, Any]:
    same = {name: getattr(channel, name) for name in ("name", "everything", "weekly", "is_private")}
    return {**same, "teams": channel.teams.all(), "services": channel.services.all(), "tags": list(channel.tags.all())}


@require_POST
@opens(Channel, rules.can_manage_channel)
def channel_test(request: Request, channel: Channel) -> HttpResponseBase:
    """Say something there, and tell here in words how it went."""
    try:
        services.test_channel(channel=channel, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    except Unanswered:
        messages.warning(request, services.UNCLEAR)
    else:
        messages.success(request, f"Slack took it: look in {channel}.")
    return redirect(channel)


@require_POST
@opens(Channel, rules.can_manage_channel)
def channel_remove(request: Request, channel: Channel) -> HttpResponseBase:
    """Tell it nothing any more."""
    services.remove_channel(channel=channel, by=request.user)
    messages.success(request, f"{channel} hears nothing any more.")
    return redirect("postmortems:channels", slug=channel.team.slug)


@require_POST
@opens(Channel, rules.can_manage_channel)
def news_again(request: Request, channel: Channel, number: int) -> HttpResponseBase:
    """Tell it once more what may not have arrived."""
    news = channel.news.filter(pk=number).first() if number < 2**63 else None
    if news is None:
        raise Http404
    services.tell_again(news=news, by=request.user, now=timezone.now())
    messages.success(request, "It goes out within two minutes.")
    return redirect(channel)
