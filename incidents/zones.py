"""Time zones as people choose them."""

from zoneinfo import ZoneInfo, available_timezones


def chosen_zone(name: str | None, *, default: ZoneInfo) -> ZoneInfo:
    """The zone of this name; `default` when none was given or there is no such zone (the form then says so)."""
    return ZoneInfo(name) if name in available_timezones() else default
