"""Messages in Slack: to people and channels from the bot whose token is set, and to channels by incoming webhooks."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from accounts.outside import asked_wait

logger = logging.getLogger("debrief.slack")

TIMEOUT_SECONDS = 10
HOOK_HOST = "hooks.slack.com"
LONGEST_SECTION = 3000
"""Characters that Slack takes in one section of a message."""
MOST_SECTIONS = 50


class SlackNotSent(Exception):
    """Slack did not take the message, or does not know the person; the log says why."""


class Refused(Exception):
    """Slack took nothing: what is wrong and what to do about it, in words. `again_in`: how long Slack asks to wait."""

    def __init__(self, words: str, *, again_in: timedelta | None = None) -> None:
        super().__init__(words)
        self.again_in = again_in


class Unanswered(Exception):
    """The message left, and no clear answer came: it may stand in the channel or not."""


class HookNotAllowed(Exception):
    """The address is none of an incoming webhook; the message says why."""


@dataclass(frozen=True)
class Message:
    """Paragraphs in mrkdwn, whose hostile parts went through `escape`; `brief` is what a notification shows."""

    brief: str
    paragraphs: list[str]

    def blocks(self) -> list[dict[str, Any]]:
        """One section a paragraph. `verbatim`: no address and no name in it is made a link."""
        shown = [_fitting(part) for part in self.paragraphs[:MOST_SECTIONS]]
        return [{"type": "section", "text": {"type": "mrkdwn", "text": part, "verbatim": True}} for part in shown]


def _fitting(paragraph: str) -> str:
    """As many whole lines as Slack takes: one cut in its middle could end within a link."""
    lines = paragraph.split("\n")
    while len("\n".join(lines)) > LONGEST_SECTION:
        lines.pop()
    return "\n".join(lines)


def is_connected() -> bool:
    """Whether there is a bot to speak as."""
    return bool(settings.SLACK_BOT_TOKEN)


def tell(email: str, text: str) -> None:
    """Send a direct message, in mrkdwn, to the person whom Slack knows under `email`. Raises `SlackNotSent`."""
    client = WebClient(settings.SLACK_BOT_TOKEN, base_url=settings.SLACK_API_URL, timeout=TIMEOUT_SECONDS)
    try:
        person = client.users_lookupByEmail(email=email)["user"]["id"]
        client.chat_postMessage(channel=person, text=text, unfurl_links=False, unfurl_media=False)
    except SlackApiError as error:
        logger.warning("a message was not sent: %s", error.response.get("error"))
        raise SlackNotSent from error
    except (SlackClientError, OSError, KeyError, TypeError) as error:
        logger.warning("Slack cannot be reached: %s", type(error).__name__)
        raise SlackNotSent from error


def post(channel: str, message: Message) -> None:
    """Say it once in a channel, as the bot. Raises `Refused` or `Unanswered`; it is never sent twice by itself."""
    if not is_connected():
        raise Refused(WORDS["no_token"])
    client = WebClient(
        settings.SLACK_BOT_TOKEN, base_url=settings.SLACK_API_URL, timeout=TIMEOUT_SECONDS, retry_handlers=[]
    )
    try:
        client.chat_postMessage(
            channel=channel, text=message.brief, blocks=message.blocks(), parse="none", link_names=False,
            unfurl_links=False, unfurl_media=False,
        )  # fmt: skip
    except SlackApiError as error:
        _refuse(error.response.status_code, str(error.response.get("error") or ""), error.response.headers)
    except URLError as error:
        raise Refused(WORDS["away"]) from error
    except (SlackClientError, HTTPException, OSError) as error:
        raise Unanswered from error


def post_to_hook(address: str, message: Message) -> None:
    """Say it once in the channel of an incoming webhook. Raises `Refused` or `Unanswered`."""
    try:
        check_hook(address)
        client = WebhookClient(address, timeout=TIMEOUT_SECONDS, retry_handlers=[])
        answer = client.send(text=message.brief, blocks=message.blocks(), unfurl_links=False, unfurl_media=False)
    except HookNotAllowed as error:
        raise Refused(str(error)) from error
    except URLError as error:
        raise Refused(WORDS["away"]) from error
    except (SlackClientError, HTTPException, OSError) as error:
        raise Unanswered from error
    if answer.status_code != 200:
        _refuse(answer.status_code, answer.body.strip(), answer.headers)


def check_hook(address: str) -> None:
    """Only TLS to Slack's own host, or to one that SLACK_HOOK_HOSTS allows. Raises `HookNotAllowed`."""
    try:
        parts = urlsplit(address)
        host, named = parts.hostname or "", parts.username or parts.password
    except ValueError:
        host, named = "", None
    if (host != HOOK_HOST and host not in settings.SLACK_HOOK_HOSTS) or named:
        raise HookNotAllowed(f"The address of an incoming webhook begins with https://{HOOK_HOST}/.")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise HookNotAllowed("The address must begin with https://.")


LOOPBACK = {"127.0.0.1", "::1", "localhost"}
WORDS = {
    "no_token": "Debrief has no bot in Slack: SLACK_BOT_TOKEN is not set. An administrator sets it; or give the address"
    " of an incoming webhook.",
    "not_authed": "Slack does not know the bot’s token any more. An administrator sets SLACK_BOT_TOKEN anew.",
    "missing_scope": "The bot may not write messages: give its Slack app the scope chat:write and install it again.",
    "not_in_channel": "The bot is not in this channel. Invite it there: /invite and its name.",
    "channel_not_found": "Slack knows no such channel, or it is private and the bot is not in it. Check the name, and"
    " invite the bot there.",
    "is_archived": "The channel is archived. Choose another, or bring it back in Slack.",
    "restricted_action": "Slack’s settings do not let the bot write there. Ask who runs your Slack.",
    "no_service": "Slack does not know this webhook any more. Make a new one and put its address in.",
    "away": "Slack cannot be reached. It is tried again by itself.",
    "ratelimited": "Slack asks to wait. It is tried again by itself.",
}
SAME = {
    "invalid_auth": "not_authed",
    "token_revoked": "not_authed",
    "token_expired": "not_authed",
    "account_inactive": "not_authed",
    "action_prohibited": "restricted_action",
    "channel_is_archived": "is_archived",
    "no_team": "no_service",
    "no_active_hooks": "no_service",
    "invalid_token": "no_service",
    "rate_limited": "ratelimited",
}


def _refuse(status: int, code: str, headers: Any) -> None:
    """Raise what an answer other than yes means. A fault of Slack's own may come after the message was taken."""
    logger.warning("a message to a channel was not taken: %s %s", status, code[:60])
    if status >= 500 or code in {"internal_error", "fatal_error", "request_timeout"}:
        raise Unanswered
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        raise Refused(WORDS["ratelimited"], again_in=_asked_wait(headers))
    words = WORDS.get(SAME.get(code, code))
    raise Refused(words or f"Slack did not take the message: {code[:60] or status}.")


def _asked_wait(headers: Any) -> timedelta:
    """How long it asks to wait. A header may be a list here, and be written in any case."""
    found = {str(name).lower(): value for name, value in dict(headers).items()}.get("retry-after", "")
    return asked_wait(str(found[0] if isinstance(found, list) and found else found))


def escape(text: str) -> str:
    """`text` as words of one line only: no link, no mention, nothing unseen (Slack, "Escaping text")."""
    seen = "".join(c for c in " ".join(text.split()) if unicodedata.category(c) != "Cc" and c not in DIRECTIONS)
    return seen.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


DIRECTIONS = {chr(point) for point in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)}
"""Marks that turn the direction of what stands after them."""


def cut(text: str, length: int) -> str:
    """The first words of `text`, `length` characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[:length].rsplit(' ', 1)[0]} …"


def bullets(lines: Iterable[str]) -> str:
    """Escaped lines as a list."""
    return "\n".join(f"• {line}" for line in lines)


def link(address: str, words: str) -> str:
    """A link in mrkdwn."""
    return f"<{address}|{escape(words).replace('|', '¦')}>"
