"""Confluence, Cloud by its REST API version 2 and Data Center by version 1.

Nothing is sent again by itself: after a lost answer whoever asked looks first. What version 2 does not have, sending
files, goes by version 1 on Cloud too. Sources: developer.atlassian.com/cloud/confluence/rest/v2, and
docs.atlassian.com/ConfluenceServer/rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import requests

from accounts.outside import AddressNotAllowed, asked_wait, check_address, checked_session
from postmortems.wiki.pages import (
    ChangedMeanwhile,
    Forbidden,
    NotThere,
    Page,
    Picture,
    Refused,
    SignInRefused,
    Throttled,
    TitleTaken,
    Unreachable,
    WikiError,
)

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
PROPERTY = "io.debrief.postmortem"
PER_ANSWER = 200


class Confluence(ABC):
    """What both have in common: the session, its failures, and files. Implements `postmortems.wiki.pages.Wiki`."""

    def __init__(self, url: str, *, username: str, secret: str) -> None:
        try:
            check_address(url)
        except AddressNotAllowed as error:
            raise Refused(str(error)) from error
        self._url = url.rstrip("/")
        self._session = checked_session()
        self._session.headers.update({"Accept": "application/json", "User-Agent": "Debrief"})
        if username:
            self._session.auth = (username, secret)
        else:
            self._session.headers["Authorization"] = f"Bearer {secret}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    @property
    @abstractmethod
    def _v1(self) -> str:
        """Where version 1 of the interface is."""

    # -- Files: the same on both ---------------------------------------------------------------------------------------

    def attached(self, page_id: str) -> Collection[str]:
        names: set[str] = set()
        while True:
            params = {"limit": PER_ANSWER, "start": len(names)}
            found = self._call("GET", f"{self._v1}/content/{_part(page_id)}/child/attachment", params=params)["results"]
            names |= {str(each["title"]) for each in found}
            if len(found) < PER_ANSWER:
                return names

    def attach(self, page_id: str, picture: Picture) -> None:
        files = {"file": (picture.name, picture.content, picture.content_type), "minorEdit": (None, "true")}
        headers = {"X-Atlassian-Token": "no-check"}
        address = f"{self._v1}/content/{_part(page_id)}/child/attachment"
        try:
            self._call("POST", address, files=files, headers=headers)
        except Refused:
            if picture.name not in self.attached(page_id):
                raise

    # -- Asking --------------------------------------------------------------------------------------------------------

    def _call(self, method: str, path: str, **more: Any) -> Any:
        """One request and its answer as JSON. Raises `WikiError`s only."""
        try:
            answer = self._session.request(
                method, f"{self._url}{path}", timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False, **more
            )
        except AddressNotAllowed as error:
            raise Refused(str(error)) from error
        except requests.RequestException as error:
            raise _no_answer(error) from error
        if not 200 <= answer.status_code < 300:
            raise _failure(answer)
        try:
            return answer.json() if answer.content else {}
        except ValueError as error:
            raise Unreachable("What answers there is not Confluence: look at the address.") from error


class ConfluenceCloud(Confluence):
    """A site of Atlassian's, such as https://your-site.atlassian.net."""

    @property
    def _v1(self) -> str:
        return "/wiki/rest/api"

    def check_place(self, space: str, parent: str) -> None:
        self._space_id(space)
        if parent:
            self.page(parent)

    def _space_id(self, key: str) -> str:
        found = self._call("GET", "/wiki/api/v2/spaces", params={"keys": key})["results"]
        if not found:
            raise NotThere(f"Confluence has no space {key}, or the account may not see it.")
        return str(found[0]["id"])

    def page(self, page_id: str) -> Page:
        return self._read(self._call("GET", f"/wiki/api/v2/pages/{_part(page_id)}"))

    def titled(self, space: str, title: str) -> Page | None:
        params = {"space-id": self._space_id(space), "title": title, "status": "current"}
        found = self._call("GET", "/wiki/api/v2/pages", params=params)["results"]
        return self._read(found[0]) if found else None

    def create(self, *, space: str, parent: str, title: str, body: str) -> Page:
        wanted = {
            "spaceId": self._space_id(space),
            "status": "current",
            "title": title,
            **({"parentId": parent} if parent else {}),
            "body": {"representation": "storage", "value": body},
        }
        return self._read(self._call("POST", "/wiki/api/v2/pages", json=wanted))

    def update(self, page: Page, *, title: str, body: str) -> Page:
        wanted = {
            "id": page.id,
            "status": "current",
            "title": title,
            "body": {"representation": "storage", "value": body},
            "version": {"number": page.version + 1, "message": "Debrief"},
        }
        return self._read(self._call("PUT", f"/wiki/api/v2/pages/{_part(page.id)}", json=wanted))

    def is_marked(self, page_id: str, marker: str, link: str) -> bool:
        address = f"/wiki/api/v2/pages/{_part(page_id)}"
        found = self._call("GET", f"{address}/properties", params={"key": PROPERTY})["results"]
        if found:
            return bool(found[0]["value"] == marker)
        body = self._call("GET", address, params={"body-format": "storage"})["body"]["storage"]["value"]
        return link in body

    def mark(self, page_id: str, marker: str) -> None:
        address = f"/wiki/api/v2/pages/{_part(page_id)}/properties"
        if not self._call("GET", address, params={"key": PROPERTY})["results"]:
            self._call("POST", address, json={"key": PROPERTY, "value": marker})

    def _read(self, answer: Any) -> Page:
        links = answer.get("_links", {})
        base = str(links.get("base") or f"{self._url}/wiki")
        return _page(answer, f"{base}{links.get('webui', '')}")


class ConfluenceDataCenter(Confluence):
    """A Confluence of one's own."""

    @property
    def _v1(self) -> str:
        return "/rest/api"

    def check_place(self, space: str, parent: str) -> None:
        self._call("GET", f"/rest/api/space/{_part(space)}")
        if parent:
            self.page(parent)

    def page(self, page_id: str) -> Page:
        return self._read(self._call("GET", f"/rest/api/content/{_part(page_id)}", params={"expand": "version"}))

    def titled(self, space: str, title: str) -> Page | None:
        params = {"spaceKey": space, "title": title, "type": "page", "expand": "version"}
        found = self._call("GET", "/rest/api/content", params=params)["results"]
        return self._read(found[0]) if found else None

    def create(self, *, space: str, parent: str, title: str, body: str) -> Page:
        wanted = {
            "type": "page",
            "title": title,
            "space": {"key": space},
            **({"ancestors": [{"id": parent}]} if parent else {}),
            "body": {"storage": {"value": body, "representation": "storage"}},
        }
        return self._read(self._call("POST", "/rest/api/content", params={"expand": "version"}, json=wanted))

    def update(self, page: Page, *, title: str, body: str) -> Page:
        wanted = {
            "type": "page",
            "title": title,
            "body": {"storage": {"value": body, "representation": "storage"}},
            "version": {"number": page.version + 1, "message": "Debrief"},
        }
        return self._read(
            self._call("PUT", f"/rest/api/content/{_part(page.id)}", params={"expand": "version"}, json=wanted)
        )

    def is_marked(self, page_id: str, marker: str, link: str) -> bool:
        address = f"/rest/api/content/{_part(page_id)}"
        try:
            return bool(self._call("GET", f"{address}/property/{PROPERTY}")["value"] == marker)
        except NotThere:
            body = self._call("GET", address, params={"expand": "body.storage"})["body"]["storage"]["value"]
            return link in body

    def mark(self, page_id: str, marker: str) -> None:
        address = f"/rest/api/content/{_part(page_id)}/property"
        try:
            self._call("GET", f"{address}/{PROPERTY}")
        except NotThere:
            self._call("POST", address, json={"key": PROPERTY, "value": marker})

    def _read(self, answer: Any) -> Page:
        links = answer.get("_links", {})
        return _page(answer, f"{links.get('base') or self._url}{links.get('webui', '')}")


def _page(answer: Any, url: str) -> Page:
    try:
        return Page(str(answer["id"]), str(answer["title"]), int(answer["version"]["number"]), url[:1000])
    except (KeyError, TypeError, ValueError) as error:
        raise Unreachable("Confluence’s answer could not be read.") from error


def _part(name: str) -> str:
    """One part of a path."""
    return quote(name, safe="")


# -- Failures ----------------------------------------------------------------------------------------------------------


def _failure(answer: requests.Response) -> WikiError:
    """Which failure an answer is, in words with a cure."""
    status, words = answer.status_code, _words_of(answer)
    said = f" It says: {words}" if words else ""
    if status == 429:
        wait = asked_wait(answer.headers.get("Retry-After", ""))
        return Throttled("Confluence asks to be slower. It is tried again by itself.", wait=wait)
    if status in {400, 409} and "already exists" in words and "title" in words.lower():
        return TitleTaken("A page of this title is there already, and Debrief did not make it. Rename it or move it.")
    known: dict[int, WikiError] = {
        400: Refused(f"Confluence does not take the page.{said}"),
        401: SignInRefused("Confluence does not accept the account any more: an administrator gives a new token."),
        403: Forbidden("The account may not write there: give it the right to add pages and files to the space."),
        404: NotThere("Confluence has nothing there, or the account may not see it."),
        409: ChangedMeanwhile("Somebody changed the page at the same moment. It is tried again by itself."),
        413: Refused("Confluence does not take so much at once: make the pictures smaller."),
    }
    if 300 <= status < 400:
        return Refused("Confluence sends Debrief to another address: put in the one it ends up at.")
    return known.get(status) or Unreachable(f"Confluence answered {status}. It is tried again by itself.")


def _words_of(answer: requests.Response) -> str:
    """What Confluence says is wrong, if it is Confluence who says it."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    errors = body["errors"] if isinstance(body.get("errors"), list) else []
    titles = [str(each.get("title", "")) for each in errors if isinstance(each, dict)]
    return " ".join([str(body.get("message") or ""), *titles]).strip()[:300]


def _no_answer(error: requests.RequestException) -> WikiError:
    if isinstance(error, requests.exceptions.SSLError):
        return Refused("Confluence’s certificate is not one to trust. For an authority of your own, set JIRA_CA_FILE.")
    if isinstance(error, requests.Timeout):
        return Unreachable("Confluence did not answer in time. It is tried again by itself.")
    return Unreachable("Confluence cannot be reached. It is tried again by itself.")
