"""Messages to people in Slack, from the bot whose token is set; whoever cannot be reached there is mailed."""

from __future__ import annotations

import logging

from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

logger = logging.getLogger("debrief.slack")

TIMEOUT_SECONDS = 10


class SlackNotSent(Exception):
    """Slack did not take the message, or does not know the person; the log says why."""


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


def escape(text: str) -> str:
    """`text` as words only: no link, no mention (Slack, "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def link(address: str, words: str) -> str:
    """A link in mrkdwn."""
    return f"<{address}|{escape(words).replace('|', '¦')}>"
