"""From one status to another through a workflow that nobody has told us: it is learnt step by step, and remembered."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

from actions.tracker import Step


class NoWay(Exception):
    """The status cannot be reached; the text says why, and who can do something."""


def next_step(
    steps: Sequence[Step],
    *,
    at: str,
    goals: Collection[str],
    graph: Mapping[str, Mapping[str, str]],
    filled: Collection[str],
) -> Step:
    """The step to take now. `graph` is what is known of other statuses: by id, the category of each that follows.

    No way leads through a status where work ends. `filled` are fields of screens that the mapping has a value for.
    Raises `NoWay`.
    """
    direct = [step for step in steps if step.to in goals]
    ready = [step for step in direct if not _asked(step, filled)]
    if ready:
        return ready[0]
    if direct:
        asked = " and ".join(_asked(direct[0], filled))
        raise NoWay(f"Jira asks for {asked} there. Give it a value under Mapping, or close the issue in Jira.")
    open_steps = [step for step in steps if step.category != "done" and not _asked(step, filled)]
    distances = {step.id: _distance(step.to, goals, graph, at) for step in open_steps}
    fitting = [step for step in open_steps if distances[step.id] is not None]
    if not fitting:
        raise NoWay("The workflow in Jira has no way there from where the issue is.")
    return min(fitting, key=lambda step: distances[step.id] or 0)


def _asked(step: Step, filled: Collection[str]) -> list[str]:
    """Names of the fields its screen requires and that have no value."""
    fields = [each.split("\n", 1) for each in step.missing]
    return [label for name, label in fields if name not in filled]


def _distance(start: str, goals: Collection[str], graph: Mapping[str, Mapping[str, str]], at: str) -> int | None:
    """Steps from `start` to a goal without coming back to `at`.

    Where the way leads into the unknown, it counts as far as that, and a lot: so each step either follows a way that is
    known or makes one more status known, and it ends.
    """
    seen, queue = {start, at}, deque([(start, 0)])
    unknown: int | None = None
    while queue:
        status, length = queue.popleft()
        if status in goals:
            return length
        if status not in graph:
            unknown = unknown if unknown is not None else length + 100
            continue
        for following, category in graph[status].items():
            if following in goals or (following not in seen and category != "done"):
                seen.add(following)
                queue.append((following, length + 1))
    return unknown
