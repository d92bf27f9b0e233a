"""What is wrong with a file, said so that its author can mend it: which file, field and line, and why."""

from __future__ import annotations

from dataclasses import dataclass

MOST_FAULTS = 500
"""More are counted, not listed: nobody mends the five-hundred-and-first before the first."""


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong in a file. `path` is as people write it ("timeline[3].at"), "" for the file as a whole."""

    file_name: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file_name}, line {self.line}"
        return f"{place}, {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class InvalidIncidentFile(Exception):
    """A file was refused as a whole. `faults` holds all that is wrong with it, in order of lines."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(faults)[:MOST_FAULTS]
        self.fault_count = len(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Faults:
    """Gathers the faults of one file while it is read."""

    def __init__(self, file_name: str) -> None:
        self.file_name = file_name
        self.found: list[Fault] = []

    def add(self, path: str, line: int, message: str) -> None:
        self.found.append(Fault(self.file_name, line, path, message))

    def refuse_if_any(self) -> None:
        """Raise InvalidIncidentFile when anything was found."""
        if self.found:
            raise InvalidIncidentFile(self.found)
