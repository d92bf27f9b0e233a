"""Bringing rows in line with a file that is read again, without undoing what people did since.

Three things are compared, key by key: what the file says now, what is there now, and what the file said last time.
A value that differs from what the file said last was changed by people and stays; so does a row they deleted or added.
Pure functions of plain values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, Any]


@dataclass
class Plan:
    """What to do with the rows of one part, by key."""

    create: dict[str, Values] = field(default_factory=dict)
    update: dict[str, dict[str, Any]] = field(default_factory=dict)
    delete: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.create or self.update or self.delete)


def plan(*, said: Mapping[str, Values], present: Mapping[str, Values], remembered: Mapping[str, Values]) -> Plan:
    """What brings `present` in line with `said`, given what the file said last (`remembered`)."""
    result = Plan()
    for key, values in said.items():
        if key in present:
            changes = changes_of(values, present[key], remembered.get(key))
            if changes:
                result.update[key] = changes
        elif key not in remembered:
            result.create[key] = values
    result.delete = [
        key for key, values in remembered.items() if key not in said and key in present and present[key] == values
    ]
    return result


def changes_of(said: Values, present: Values, remembered: Values | None) -> dict[str, Any]:
    """The values to write: those that the file changed and people did not. Nothing on a row the file never gave."""
    if remembered is None:
        return {}
    return {
        name: value
        for name, value in said.items()
        if value != present.get(name) and present.get(name) == remembered.get(name)
    }
