"""The coach as one: every rule, a text looked at by all families, and what a whole post-mortem shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postmortems.coach import (
    actions,
    blame,
    clarity,
    counterfactual,
    ends,
    impact,
    lessons,
    timeline,
    times,
    title,
    vendor,
)
from postmortems.coach.finding import Finding, Rule, Severity
from postmortems.coach.text import Taken, Text

FAMILIES = (title, impact, timeline, times, blame, vendor, counterfactual, ends, actions, lessons, clarity)
RULES: dict[str, Rule] = {rule.id: rule for family in FAMILIES for rule in family.RULES}
"""Every rule, in the order in which a post-mortem is written."""
RANK = {Severity.MUST: 0, Severity.SHOULD: 1, Severity.COULD: 2}


def check_text(
    source: str, *, explained: Iterable[str] = (), zone_is_said: bool = False, is_response: bool = False
) -> list[Finding]:
    """All findings in a text, in the order of their places; of those that overlap, the first family's.

    `explained`: terms of the glossary. `is_response`: the text answers what would have helped, so counterfactuals are
    what was asked for.
    """
    text = Text(source)
    checks: list[Iterator[Finding]] = [
        vendor.check(text), blame.check(text), ends.check(text), impact.check(text),
        times.check(text, zone_is_said=zone_is_said), clarity.check_acronyms(text, frozenset(explained)),
        clarity.check(text),
    ]  # fmt: skip
    if not is_response:
        checks.insert(0, counterfactual.check(text))
    taken = Taken()
    kept = [finding for check in checks for finding in check if _is_new(finding, taken)]
    return sorted(kept, key=lambda finding: (finding.start, finding.end))


def _is_new(finding: Finding, taken: Taken) -> bool:
    """A whole sentence hides nothing that is said of its words."""
    return finding.rule is clarity.SENTENCE or taken.take(finding.start, finding.end)
