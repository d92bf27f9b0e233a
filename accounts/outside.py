"""Where Debrief may go when somebody gives it the address of another system, and that it really ended up there."""

from __future__ import annotations

import ipaddress
import socket
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

LONGEST_WAIT_SECONDS = 3600


class AddressNotAllowed(Exception):
    """The address leads somewhere Debrief may not go; the message says why."""


def check_address(url: str) -> None:
    """Only TLS, and nothing inside the network unless its host is allowed to be there. Raises `AddressNotAllowed`."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.password:
        raise AddressNotAllowed(
            "The address must be like https://your-site.atlassian.net, without a name or password in it."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_allowed_here(parts.hostname)):
        raise AddressNotAllowed("The address must begin with https://.")


def _is_allowed_here(host: str) -> bool:
    return host in settings.JIRA_PRIVATE_HOSTS and host in {"127.0.0.1", "::1", "localhost"}


def _check_peer(sock: socket.socket, host: str) -> socket.socket:
    peer = ipaddress.ip_address(sock.getpeername()[0])
    if not peer.is_global and host not in settings.JIRA_PRIVATE_HOSTS:
        sock.close()
        raise AddressNotAllowed(
            f"{host} is at {peer}, inside a private network. If it really is there, add it to JIRA_PRIVATE_HOSTS."
        )
    return sock


class _CheckedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _check_peer(super()._new_conn(), self.host)


class _CheckedSecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _check_peer(super()._new_conn(), self.host)


class _CheckedPool(HTTPConnectionPool):
    ConnectionCls = _CheckedConnection


class _CheckedSecurePool(HTTPSConnectionPool):
    ConnectionCls = _CheckedSecureConnection


class CheckedAdapter(HTTPAdapter):
    """Looks where a connection really ended up, so that no name can lead it elsewhere afterwards."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _CheckedPool, "https": _CheckedSecurePool}


def checked_session() -> Session:
    """A session that goes only where Debrief may go, whatever proxies the environment names."""
    return checked(Session())


def checked(session: Session) -> Session:
    """`session`, from now on such a one."""
    session.trust_env = False
    session.verify = settings.JIRA_CA_FILE or True
    for scheme in ("https://", "http://"):
        session.mount(scheme, CheckedAdapter())
    return session


def asked_wait(retry_after: str, *, otherwise: timedelta = timedelta(minutes=1)) -> timedelta:
    """How long the header Retry-After asks to wait (RFC 9110, 10.2.3): seconds or a date, from a second to an hour.

    `otherwise`: where it says neither.
    """
    try:
        seconds = Retry().parse_retry_after(retry_after)
    except (InvalidHeader, ValueError, OverflowError):
        return otherwise
    return timedelta(seconds=min(max(seconds, 1), LONGEST_WAIT_SECONDS))
