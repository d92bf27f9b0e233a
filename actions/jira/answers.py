"""What an answer of Jira means: its content, or which failure it is, who can mend it and whether anything was done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from accounts.outside import AddressNotAllowed, asked_wait
from actions.jira.address import NotAllowed
from actions.tracker import (
    Conflicting,
    Forbidden,
    Gone,
    Made,
    Missing,
    NotReached,
    Refused,
    SignInRefused,
    Throttled,
    TrackerError,
    Unreachable,
)

NAMES = {
    "title": "summary",
    "description": "description",
    "owner": "assignee",
    "due_on": "duedate",
    "priority": "priority",
    "status": "status",
    "labels": "labels",
}
"""Fields as Debrief names them, and as Jira does."""
OURS = {theirs: ours for ours, theirs in NAMES.items()}
NOT_ACCEPTED = "Jira does not accept the secret any more."
LACKS_SCOPE = "The token lacks a scope that this needs. Give the app at Atlassian all of them, and connect again."


def made_of(raw: Mapping[str, Any]) -> Made:
    return Made(id=str(raw["id"]), key=str(raw["key"]))


def time_of(raw: Any) -> datetime:
    """Jira writes 2026-04-01T12:00:00.000+0000, and milliseconds since 1970 in some lists."""
    if isinstance(raw, int):
        return datetime.fromtimestamp(raw / 1000, tz=UTC)
    return datetime.fromisoformat(str(raw))


def content(response: requests.Response, *, is_answered: bool) -> Any:
    if 300 <= response.status_code < 400:
        raise Refused("Jira sends us to another address. Check that of the connection: it must be Jira's own.")
    if not is_answered:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise Unreachable("Jira's answer could not be read.") from error


def failure(response: requests.Response | None, path: str) -> TrackerError:
    """Which failure an answer is: who can mend it, and whether anything was done."""
    if response is None:
        return Unreachable("Jira did not answer.")
    status, words = response.status_code, words_of(response)
    if status == 429:
        return Throttled(
            "Jira asks us to be slower.", wait=wait_of(response), reason=response.headers.get("RateLimit-Reason", "")
        )
    if status in {400, 413, 422}:
        return words if isinstance(words, Refused) else Unreachable(f"Jira's front door answered {status}.")
    said = f" ({words})" if str(words) else ""
    known: dict[int, TrackerError] = {
        401: Forbidden(LACKS_SCOPE) if "scope" in _reason(response) else SignInRefused(NOT_ACCEPTED),
        403: Forbidden(f"Jira does not let the account do that{said}."),
        404: Missing(f"Jira has nothing there, or the account may not see it{said}."),
        409: Conflicting("Somebody changed it at the same moment."),
        410: Gone(f"This Jira does not offer {path.split('/')[0]} any more; Debrief must be updated."),
    }
    return known.get(status) or Unreachable(f"Jira answered {status}.")


def words_of(response: requests.Response) -> Refused | str:
    """What Jira says is wrong, if it is Jira who says it."""
    try:
        body = response.json()
    except ValueError:
        return ""
    return refusal(body) if isinstance(body, dict) else ""


def _reason(response: requests.Response) -> str:
    """The one sentence of Atlassian's gateway, which stands before Jira and answers in a form of its own."""
    try:
        body = response.json()
    except ValueError:
        return ""
    return str(body.get("message", "")) if isinstance(body, dict) else ""


class AllRefused(Refused):
    """Not one of many issues was created; `answer` says of each why."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__("Jira refused all of them.")
        self.answer = answer


def refusal(body: Mapping[str, Any]) -> Refused:
    if isinstance(body.get("errors"), list):
        return AllRefused({"issues": [], **body})
    errors = body.get("errors") if isinstance(body.get("errors"), dict) else {}
    fields = {OURS.get(name, name): str(text)[:300] for name, text in (errors or {}).items()}
    messages = [str(text) for text in body.get("errorMessages") or []]
    return Refused(" ".join([*messages, *fields.values()])[:500], fields)


def wait_of(response: requests.Response) -> float:
    """Seconds to wait, as the header says it; 0 where it says nothing."""
    return asked_wait(response.headers.get("Retry-After", ""), otherwise=timedelta(0)).total_seconds()


def no_answer(error: requests.RequestException, *, who: str = "Jira") -> TrackerError:
    """Which failure it is that no answer came from `who`."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressNotAllowed):
            return NotAllowed(str(cause))
        reason = getattr(cause, "reason", None)
        if isinstance(cause, NewConnectionError) or isinstance(reason, NewConnectionError):
            return NotReached(f"{who} cannot be reached.")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, requests.exceptions.SSLError):
        return NotReached(f"{who}'s certificate is not one to trust. For an authority of your own, set JIRA_CA_FILE.")
    if isinstance(error, requests.Timeout):
        return Unreachable(f"{who} did not answer in time.")
    return Unreachable(f"The connection to {who} broke off.")
