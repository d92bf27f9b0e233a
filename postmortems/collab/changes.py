"""What changed beside the text lately, for pages that poll: between two requests they hear nothing."""

from __future__ import annotations

import re
import secrets
from collections import deque

EVERYTHING = "everything"
"""Instead of the name of a part: what changed is not known any more, so look at all of it again."""
RESTRICTED = "restricted"
"""Instead of the name of a part: it is for named people only, now or already. Pages keep nothing of it."""
MOST_KEPT = 1_000
"""Of all post-mortems together: what is said of them between two requests, many times over."""
MARK = re.compile(r"([0-9a-f]{16})-([0-9]{1,18})")


class Changes:
    """The last changes that this process heard of, numbered."""

    def __init__(self) -> None:
        self._name = secrets.token_hex(8)
        self._count = 0
        self._kept: deque[tuple[int, int, str]] = deque(maxlen=MOST_KEPT)

    @property
    def mark(self) -> str:
        """What a page hands back that was told everything until now."""
        return f"{self._name}-{self._count}"

    def note(self, postmortem_id: int, said: str) -> None:
        self._count += 1
        self._kept.append((self._count, postmortem_id, said))

    def since(self, mark: str, postmortem_id: int) -> list[str]:
        """What was said of the post-mortem after `mark`; `EVERYTHING` when that is too old, or another process's."""
        known = MARK.fullmatch(mark)
        if known is None or known[1] != self._name or int(known[2]) < self._count - len(self._kept):
            return [EVERYTHING]
        return [said for number, pk, said in self._kept if pk == postmortem_id and number > int(known[2])]
