"""How well the coach tells what is to be found from what is fine, over sentences with labels.

`python -m tests.coach.measure` (or `make coach-report`) prints it, and what it finds in whole documents.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from postmortems.coach import actions, lessons, title
from postmortems.coach.finding import Finding
from postmortems.coach.review import RULES, check_text

CORPUS = Path(__file__).parent / "corpus"
DOCUMENTS = Path(__file__).parents[3] / "shared" / "data" / "corpus"
"""Real post-mortems, where they stand beside the project."""
CHECKS: dict[str, Callable[[str], Iterable[Finding]]] = {
    "text": check_text,
    "actions": actions.check_title,
    "lessons": lessons.check_lesson,
    "titles": title.check_title,
}


@dataclass(frozen=True)
class Labelled:
    """A sentence and the rules that fit it; none where it is fine."""

    kind: str
    rules: frozenset[str]
    sentence: str

    def found(self) -> set[str]:
        return {finding.rule.id for finding in CHECKS[self.kind](self.sentence)}


def corpus(folder: Path = CORPUS) -> Iterator[Labelled]:
    """Every labelled sentence."""
    for path in sorted(folder.glob("*.tsv")):
        kind = path.stem.partition("-")[0]
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                labels, _, sentence = line.partition("\t")
                rules = frozenset(labels.split(",")) - {"-"}
                assert rules <= set(RULES), line
                yield Labelled(kind, rules, sentence)


@dataclass
class Score:
    """How often a rule was right (`hits`), wrong, and silent where it should have spoken (`missed`)."""

    hits: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        return self.hits / (self.hits + self.wrong) if self.hits + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else 1.0


def scores(labelled: Iterable[Labelled]) -> tuple[dict[str, Score], list[str]]:
    """By rule, and what went wrong in words."""
    found: defaultdict[str, Score] = defaultdict(Score)
    faults = []
    for each in labelled:
        said = each.found()
        for rule in said | each.rules:
            found[rule].hits += rule in said and rule in each.rules
            found[rule].wrong += rule in said and rule not in each.rules
            found[rule].missed += rule in each.rules and rule not in said
        faults += [f"  wrong  {rule}: {each.sentence}" for rule in sorted(said - each.rules)]
        faults += [f"  missed {rule}: {each.sentence}" for rule in sorted(each.rules - said)]
    return dict(found), faults


def total(found: Iterable[Score]) -> Score:
    whole = Score()
    for score in found:
        whole.hits, whole.wrong, whole.missed = (
            whole.hits + score.hits, whole.wrong + score.wrong, whole.missed + score.missed,
        )  # fmt: skip
    return whole


def report(folder: Path = CORPUS) -> None:
    labelled = list(corpus(folder))
    found, faults = scores(labelled)
    clean = sum(not each.rules for each in labelled)
    print(f"{len(labelled)} sentences, {clean} of them fine.\n")
    print(f"{'rule':32} {'right':>5} {'wrong':>5} {'missed':>6} {'precision':>9} {'recall':>6}")
    for rule in RULES:
        if score := found.get(rule):
            print(
                f"{rule:32} {score.hits:5} {score.wrong:5} {score.missed:6} {score.precision:9.2f} {score.recall:6.2f}"
            )
    whole = total(found.values())
    print(f"{'all':32} {whole.hits:5} {whole.wrong:5} {whole.missed:6} {whole.precision:9.3f} {whole.recall:6.3f}\n")
    print("\n".join(faults))


def report_documents() -> None:
    """What is found in whole documents beside the project, by rule, with the words."""
    counts: Counter[str] = Counter()
    for path in sorted(DOCUMENTS.glob("*/*.md")):
        if path.name.startswith("_"):
            continue
        for finding in check_text(path.read_text(encoding="utf-8")):
            counts[finding.rule.id] += 1
            print(f"{path.stem[:28]:28} {finding.rule.id:22} {' '.join(finding.quote.split())[:90]}")
    print(counts.most_common())


if __name__ == "__main__":
    if "--documents" in sys.argv:
        report_documents()
    else:
        report()
