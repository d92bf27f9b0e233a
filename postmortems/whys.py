"""The Five Whys in order: which why is which number, how deep, and what stands beside it. No query is made per why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from postmortems.models import Branch, Postmortem, Why


@dataclass(frozen=True)
class Node:
    """A why in its place. `number` is what people cite ("2.3"): it counts the branch from the top as it is read."""

    why: Why
    number: str
    depth: int
    """Below how many others, from 0."""
    above: str
    """The number of the why it asks about; "" at the top of a branch."""
    is_first: bool
    """Nothing stands before it beside it."""
    is_last: bool
    is_end: bool
    """Nothing hangs below it."""

    @property
    def asks(self) -> str:
        """Its question; one that nobody wrote is just why."""
        return self.why.question or "Why?"


@dataclass(frozen=True)
class BranchTree:
    """A branch with its whys, each above what hangs below it."""

    branch: Branch
    nodes: list[Node] = field(default_factory=list)

    @property
    def number(self) -> int:
        return self.branch.position

    @property
    def key(self) -> str:
        return str(self.branch.pk)


def trees_of(postmortem: Postmortem) -> list[BranchTree]:
    """Every branch of the post-mortem, also those nobody has begun."""
    return trees(postmortem.branches.all(), postmortem.whys.standing())


def trees(branches: Iterable[Branch], whys: Iterable[Why]) -> list[BranchTree]:
    """The branches in order, with their whys in order. A why whose parent is not among `whys` is left out."""
    below: defaultdict[tuple[int, int | None], list[Why]] = defaultdict(list)
    for why in sorted(whys, key=lambda each: (each.position, each.pk)):
        below[why.branch_id, why.parent_id].append(why)
    return [BranchTree(branch, _nodes(branch, below)) for branch in branches]


def _nodes(branch: Branch, below: dict[tuple[int, int | None], list[Why]]) -> list[Node]:
    found: list[Node] = []
    waiting = _beside(below.get((branch.pk, None), []), depth=0, above="")
    while waiting:
        why, depth, above, is_first, is_last = waiting.pop()
        children = below.get((branch.pk, why.pk), [])
        number = f"{branch.position}.{len(found) + 1}"
        found.append(Node(why, number, depth, above, is_first, is_last, not children))
        waiting += _beside(children, depth=depth + 1, above=number)
    return found


def _beside(whys: list[Why], *, depth: int, above: str) -> list[tuple[Why, int, str, bool, bool]]:
    """Those beside each other, the last first: they are taken from the end."""
    last = len(whys) - 1
    return [(why, depth, above, at == 0, at == last) for at, why in enumerate(whys)][::-1]
