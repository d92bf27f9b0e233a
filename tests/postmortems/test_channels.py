"""Channels in Slack hear once of what is published, of nothing closed to them, and hostile words stay words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from accounts.enums import Visibility
from accounts.models import AuditEntry, Team, User
from incidents.models import Incident
from postmortems import tasks
from postmortems.models import Channel, News, Postmortem
from tests.factories.actions import make_action
from tests.factories.postmortems import LessonFactory, SectionFactory, ServiceFactory
from tests.fakes.slack import FakeSlack

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
FRIDAY = datetime(2026, 6, 12, 15, 0, tzinfo=UTC)
MONDAY = datetime(2026, 6, 15, 9, 0, tzinfo=UTC)
SOON = FRIDAY + timedelta(minutes=2)


@pytest.fixture
def slack(settings: Settings) -> Iterator[FakeSlack]:
    fake = FakeSlack({})
    fake.channels["#edge"] = ""
    settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL = fake.token, fake.url
    settings.SLACK_HOOK_HOSTS = ["127.0.0.1"]
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    yield fake
    fake.close()


@pytest.fixture
def published(postmortem: Postmortem) -> Postmortem:
    Postmortem.objects.update(state="published", published_at=FRIDAY)
    LessonFactory.create(postmortem=postmortem, text="Limits are tested")
    postmortem.refresh_from_db()
    return postmortem


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, slack: FakeSlack) -> Callable[[datetime], list[str]]:
    """Let two minutes pass; the paragraphs of what Slack was told then."""

    def ring(now: datetime) -> list[str]:
        before = len(slack.messages)
        monkeypatch.setattr("postmortems.tasks.timezone.now", lambda: now)
        monkeypatch.setattr(tasks.tell_news, "delay", tasks.tell_news)
        monkeypatch.setattr(tasks.tell_tidings, "delay", tasks.tell_tidings)
        tasks.tell_followers()
        return ["\n".join(block["text"]["text"] for block in said["blocks"]) for _, said in slack.messages[before:]]

    return ring


Ring = Callable[[datetime], list[str]]


def set_up(client: Client, team: Team, **wishes: Any) -> Channel:
    """A channel set up long ago through the page."""
    answer = client.post(f"/teams/{team.slug}/channels/", {"name": "#edge", **wishes})
    assert answer.status_code == 302, re.findall(r'class="[^"]*error[^"]*"[^>]*>([^<]+)', answer.content.decode())
    Channel.objects.update(added_at=LONG_AGO)
    return Channel.objects.latest("pk")


def test_the_teams_channel_hears_once_what_matters(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring
) -> None:
    SectionFactory.create(
        postmortem=published, is_summary=True, body="Nobody could **pay** for 2 h. It was [a limit](https://x)."
    )
    make_action(published)
    make_action(published, title="Another")
    set_up(as_user(manager), team, teams=[team.pk])
    [said] = ring(SOON)
    assert said.split("\n") == [
        f"*<http://localhost:8000/postmortems/{published.pk}/|Checkout failed>*",
        "Nobody could pay for 2 h.",
        "SEV2 · 2 h 48 min · 2 actions · Edge",
    ]
    assert ring(SOON + timedelta(minutes=2)) == []
    assert News.objects.get().state == "sent"


def test_what_is_reopened_within_a_minute_tells_nobody(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring
) -> None:
    set_up(as_user(manager), team, everything="on")
    assert ring(FRIDAY + timedelta(seconds=30)) == []
    Postmortem.objects.update(state="reopened")
    assert ring(SOON) == []


def test_a_channel_hears_of_its_services_and_of_nothing_else(
    as_user: As, administrator: User, organisation: Any, published: Postmortem, ring: Ring, slack: FakeSlack
) -> None:
    service, other = ServiceFactory.create(), ServiceFactory.create()
    published.incident.services.add(service)
    slack.channels |= {"#pay": "", "#web": "", "C0123ABCD": ""}
    for name, wishes in {"#pay": {"services": [service.pk]}, "#web": {"services": [other.pk]}}.items():
        set_up(as_user(administrator), organisation.other_team, name=name, **wishes)
    set_up(as_user(administrator), organisation.other_team, name="C0123ABCD", teams=[published.team_id])
    assert len(ring(SOON)) == 2
    assert [where for where, _ in slack.messages] == ["#pay", "C0123ABCD"]


def test_who_is_set_up_after_publication_hears_of_the_next_one(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring
) -> None:
    set_up(as_user(manager), team, everything="on")
    Channel.objects.update(added_at=FRIDAY + timedelta(seconds=1))
    assert ring(SOON) == []


@pytest.mark.parametrize("closed", ["postmortem", "incident"])
@pytest.mark.parametrize("is_private", [False, True])
def test_what_is_restricted_goes_nowhere_not_even_that_it_is_there(
    closed: str, is_private: bool, as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring
) -> None:
    set_up(as_user(manager), team, everything="on", weekly="on", **({"is_private": "on"} if is_private else {}))
    model = Postmortem if closed == "postmortem" else Incident
    model.objects.update(visibility=Visibility.RESTRICTED)
    assert (ring(SOON), ring(MONDAY)) == ([], [])


@pytest.mark.parametrize(("is_private", "hears"), [(False, 0), (True, 1)])
def test_what_only_the_team_may_see_goes_where_only_the_team_reads(
    is_private: bool, hears: int, as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring
) -> None:
    set_up(as_user(manager), team, everything="on", **({"is_private": "on"} if is_private else {}))
    Postmortem.objects.update(visibility=Visibility.TEAM)
    assert len(ring(SOON)) == hears


def test_another_teams_private_channel_is_no_place_for_it(
    as_user: As, administrator: User, organisation: Any, published: Postmortem, ring: Ring
) -> None:
    set_up(as_user(administrator), organisation.other_team, everything="on", is_private="on")
    Postmortem.objects.update(visibility=Visibility.TEAM)
    assert ring(SOON) == []


def test_what_was_closed_before_it_went_is_kept_back(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(as_user(manager), team, everything="on")
    with monkeypatch.context() as later:
        later.setattr(tasks.tell_news, "delay", lambda _: None)
        later.setattr("postmortems.tasks.timezone.now", lambda: SOON)
        tasks.tell_followers()
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    assert (ring(SOON), News.objects.get().state) == ([], "moot")


def test_hostile_words_stay_words(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring, slack: FakeSlack
) -> None:
    Postmortem.objects.update(title="<!channel> <https://evil|Log in> \u202e& @here\x07 a|b")
    SectionFactory.create(postmortem=published, is_summary=True, body="<@U1> see https://evil.example now")
    set_up(as_user(manager), team, everything="on")
    [said] = ring(SOON)
    [message] = [message for _, message in slack.messages]
    assert "&lt;!channel&gt; &lt;https://evil¦Log in&gt; &amp; @here a¦b" in said
    assert re.findall(r"<[^>]*>", said) == [said[said.index("<") : said.index(">") + 1]]
    assert (said.count("<http://localhost"), "\u202e" in said, "<" in message["text"]) == (1, False, False)
    assert [block["text"]["verbatim"] for block in message["blocks"]] == [True]
    assert (message["parse"], message["link_names"]) == ("none", False)


def test_the_digest_comes_on_monday_once_with_lessons(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring
) -> None:
    set_up(as_user(manager), team, weekly="on")
    assert ring(MONDAY - timedelta(hours=1)) == []
    [said] = ring(MONDAY)
    assert said.startswith("*What was learned last week*\n<http://localhost:8000/postmortems/")
    assert said.endswith("|Checkout failed> (Edge)\n• Limits are tested")
    assert ring(MONDAY + timedelta(hours=1)) == []
    assert ring(MONDAY + timedelta(days=7)) == []
    assert [row.state for row in News.objects.all()] == ["moot", "sent"]


def test_many_long_lessons_fit_into_one_message(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring, slack: FakeSlack
) -> None:
    Postmortem.objects.update(title="&" * 200)
    for number in range(2, 9):
        LessonFactory.create(postmortem=published, number=number, text="& " * 900)
    set_up(as_user(manager), team, weekly="on")
    ring(MONDAY)
    texts = [block["text"]["text"] for block in slack.messages[0][1]["blocks"]]
    assert max(map(len, texts)) <= 3000
    assert re.sub(r"&amp;|[^&]", "", "".join(texts)) == ""


# -- What goes wrong ---------------------------------------------------------------------------------------------------


def page(client: Client, channel: Channel) -> str:
    return client.get(channel.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("not_in_channel", "The bot is not in this channel. Invite it there"),
        ("channel_not_found", "Slack knows no such channel"),
        ("is_archived", "The channel is archived"),
        ("missing_scope", "chat:write"),
        ("something_new", "Slack did not take the message: something_new."),
        ("invalid_auth", "SLACK_BOT_TOKEN anew"),
        ("no token", "SLACK_BOT_TOKEN is not set"),
        ("away", "Slack cannot be reached"),
    ],
)
def test_a_test_message_says_what_is_wrong(
    trouble: str, words: str, as_user: As, manager: User, team: Team, slack: FakeSlack, settings: Settings
) -> None:
    channel = set_up(as_user(manager), team, everything="on")
    if trouble == "no token":
        settings.SLACK_BOT_TOKEN = ""
    elif trouble == "away":
        slack.close()
    elif trouble == "invalid_auth":
        slack.token = "xoxb-other"
    else:
        slack.channels["#edge"] = trouble
    client = as_user(manager)
    assert client.post(f"/channels/{channel.pk}/test/").status_code == 302
    assert words in page(client, channel)


def test_a_test_message_arrives(as_user: As, manager: User, team: Team, slack: FakeSlack) -> None:
    channel = set_up(as_user(manager), team, everything="on")
    client = as_user(manager)
    client.post(f"/channels/{channel.pk}/test/")
    assert "Slack took it" in page(client, channel)
    assert slack.told == [("#edge", "A test of Debrief")]


def test_a_refusal_is_tried_again_and_its_words_go_when_it_arrives(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring, slack: FakeSlack
) -> None:
    channel = set_up(as_user(manager), team, everything="on")
    slack.channels["#edge"] = "not_in_channel"
    assert ring(SOON) == []
    assert "Invite it there" in page(as_user(manager), channel)
    slack.channels["#edge"] = ""
    assert ring(SOON + timedelta(minutes=2)) == []
    assert len(ring(SOON + timedelta(minutes=6))) == 1
    assert "Invite it there" not in page(as_user(manager), channel)


def test_slack_is_left_alone_for_as_long_as_it_asks(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring, slack: FakeSlack
) -> None:
    set_up(as_user(manager), team, everything="on")
    slack.retry_after, slack.status = "1200", 429
    assert ring(SOON) == []
    slack.retry_after, slack.status = "", 200
    assert ring(SOON + timedelta(minutes=19)) == []
    assert len(ring(SOON + timedelta(minutes=21))) == 1


@pytest.mark.parametrize("how", ["lost answer", "fault of Slack's own"])
def test_what_may_have_arrived_is_told_again_only_by_a_person(
    how: str, as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring, slack: FakeSlack
) -> None:
    channel = set_up(as_user(manager), team, everything="on")
    slack.loses_answers, slack.status = how == "lost answer", 200 if how == "lost answer" else 500
    assert len(ring(SOON)) == 1
    slack.loses_answers, slack.status = False, 200
    assert ring(SOON + timedelta(hours=1)) == []
    client = as_user(manager)
    assert "Slack did not say whether it took the last message" in page(client, channel)
    again = f"/channels/{channel.pk}/news/{News.objects.get().pk}/again/"
    assert again in page(client, channel)
    client.post(again)
    assert len(ring(SOON + timedelta(hours=2))) == 1
    client.post(again)
    assert ring(SOON + timedelta(hours=3)) == []


def test_a_worker_that_died_while_speaking_says_nothing_twice(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(as_user(manager), team, everything="on")

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr("postmortems.services.announcing.slack.post", die)
        with pytest.raises(Killed):
            ring(SOON)
    assert ring(SOON + timedelta(minutes=1)) == []
    assert ring(SOON + timedelta(minutes=5)) == []
    assert News.objects.get().state == "unclear"


# -- Webhooks ----------------------------------------------------------------------------------------------------------


def hook_of(slack: FakeSlack, path: str = "/services/T1/B1/secret") -> str:
    slack.hooks[path] = (200, "ok")
    return slack.url.replace("/api/", path)


def test_a_webhook_hears_where_there_is_no_bot(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring, slack: FakeSlack, settings: Settings
) -> None:
    settings.SLACK_BOT_TOKEN = ""
    channel = set_up(as_user(manager), team, hook=hook_of(slack), everything="on")
    assert len(ring(SOON)) == 1
    assert slack.messages[0][0] == "/services/T1/B1/secret"
    assert "secret" not in channel.hook
    assert "B1/secret" not in page(as_user(manager), channel)
    assert not AuditEntry.objects.filter(details__icontains="secret").exists()


def test_what_is_saved_without_an_address_keeps_the_one_there_is(
    as_user: As, manager: User, team: Team, slack: FakeSlack
) -> None:
    channel = set_up(as_user(manager), team, hook=hook_of(slack), everything="on")
    as_user(manager).post(channel.get_absolute_url(), {"name": "#edge", "weekly": "on"})
    assert Channel.objects.get().hook == channel.hook


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, "no_service"), "Slack does not know this webhook any more"),
        ((410, "channel_is_archived"), "The channel is archived"),
        ((403, "action_prohibited"), "settings do not let the bot write there"),
        ((400, "invalid_payload"), "invalid_payload"),
    ],
)
def test_a_webhook_that_refuses_says_why(
    answer: tuple[int, str], words: str, as_user: As, manager: User, team: Team, slack: FakeSlack
) -> None:
    channel = set_up(as_user(manager), team, hook=hook_of(slack), everything="on")
    slack.hooks["/services/T1/B1/secret"] = answer
    client = as_user(manager)
    client.post(f"/channels/{channel.pk}/test/")
    assert words in page(client, channel)


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.slack.com/services/x",
        "https://hooks.slack.com.evil.example/x",
        "https://evil.example/hooks.slack.com",
        "https://hooks.slack.com@evil.example/",
        "https://u:p@hooks.slack.com/",
        "https://169.254.169.254/",
        "https://[::1",
        "file:///etc/passwd",
    ],
)
def test_other_addresses_are_refused(address: str, as_user: As, manager: User, team: Team, slack: FakeSlack) -> None:
    answer = as_user(manager).post(
        f"/teams/{team.slug}/channels/", {"name": "#edge", "hook": address, "everything": "on"}
    )
    assert (answer.status_code, Channel.objects.count()) == (422, 0)


def test_without_keys_no_address_is_kept(
    as_user: As, manager: User, team: Team, slack: FakeSlack, settings: Settings
) -> None:
    settings.FIELD_KEYS = []
    answer = as_user(manager).post(
        f"/teams/{team.slug}/channels/", {"name": "#edge", "hook": hook_of(slack), "everything": "on"}
    )
    assert answer.status_code == 422
    assert "FIELD_KEYS is not set" in answer.content.decode()


def test_addresses_follow_a_rotation_of_keys(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring, slack: FakeSlack, settings: Settings
) -> None:
    set_up(as_user(manager), team, hook=hook_of(slack), everything="on")
    new = Fernet.generate_key().decode()
    settings.FIELD_KEYS = [new, *settings.FIELD_KEYS]
    call_command("rotate_field_keys", verbosity=0)
    settings.FIELD_KEYS = [new]
    assert len(ring(SOON)) == 1


# -- Setting up --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("mallory", 403), ("manager", 200), ("administrator", 200)])
def test_managers_and_administrators_look_after_channels(
    who: str, status: int, as_user: As, organisation: Any, team: Team
) -> None:
    assert as_user(getattr(organisation, who)).get(f"/teams/{team.slug}/channels/").status_code == status


@pytest.mark.parametrize("name", ["@alice", "two words", "<!channel>", "U0123ABCD>", "#", ""])
def test_what_is_no_channel_is_refused(name: str, as_user: As, manager: User, team: Team) -> None:
    answer = as_user(manager).post(f"/teams/{team.slug}/channels/", {"name": name, "everything": "on"})
    assert (answer.status_code, Channel.objects.count()) == (422, 0)


def test_a_channel_is_set_up_once_a_team_and_hears_something(as_user: As, manager: User, team: Team) -> None:
    set_up(as_user(manager), team, everything="on")
    client = as_user(manager)
    for wishes in ({"name": "Edge", "everything": "on"}, {"name": "#other"}):
        assert client.post(f"/teams/{team.slug}/channels/", wishes).status_code == 422
    assert Channel.objects.count() == 1


def test_a_channel_that_is_removed_is_forgotten(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring
) -> None:
    channel = set_up(as_user(manager), team, everything="on")
    as_user(manager).post(f"/channels/{channel.pk}/remove/")
    assert (Channel.objects.count(), ring(SOON)) == (0, [])
    assert list(AuditEntry.objects.filter(verb__startswith="channel").values_list("verb", flat=True)) == [
        "channel.removed",
        "channel.added",
    ]


def test_what_a_channel_was_told_is_shown_to_those_who_may_see_it(
    as_user: As, manager: User, team: Team, published: Postmortem, ring: Ring
) -> None:
    channel = set_up(as_user(manager), team, everything="on")
    ring(SOON)
    assert f"PM-{published.pk} Checkout failed" in page(as_user(manager), channel)
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    assert "Checkout failed" not in page(as_user(manager), channel)
