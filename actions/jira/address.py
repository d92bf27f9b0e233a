"""The rules on addresses (`accounts.outside`), as a tracker's failure."""

from __future__ import annotations

from accounts import outside
from accounts.outside import AddressNotAllowed
from actions.tracker import TrackerError


class NotAllowed(TrackerError):
    """The address leads somewhere Debrief may not go."""

    code = "address"


def check_address(url: str) -> None:
    """As `accounts.outside.check_address`. Raises `NotAllowed`."""
    try:
        outside.check_address(url)
    except AddressNotAllowed as error:
        raise NotAllowed(str(error)) from error
