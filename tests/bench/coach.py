"""What the coach costs: `make bench-coach`. Processor time, the best of three; growth is what a megabyte costs."""

from __future__ import annotations

import time
from pathlib import Path

from postmortems.coach.review import check_text

SAMPLE = Path(__file__).parents[1] / "coach" / "corpus" / "text.tsv"
SIZES = (("a section", 3_000), ("four pages", 12_000), ("100 kB", 100_000), ("1 MB", 1_000_000))


def sample() -> str:
    """A text of the labelled sentences, found and fine ones mixed, in paragraphs of four."""
    lines = [line.partition("\t")[2] for line in SAMPLE.read_text(encoding="utf-8").splitlines() if "\t" in line]
    mixed = [line for pair in zip(lines, reversed(lines), strict=True) for line in pair]
    return "\n\n".join(" ".join(mixed[at : at + 4]) for at in range(0, len(mixed), 4))


def seconds(text: str) -> float:
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        check_text(text)
        best = min(best, time.process_time() - begun)
    return best


def report() -> None:
    text = sample()
    check_text(text)
    print(f"{'text':12} {'ms':>8} {'ms per 10 kB':>13}")
    for name, size in SIZES:
        body = (text * (size // len(text) + 1))[:size]
        taken = seconds(body) * 1000
        print(f"{name:12} {taken:8.1f} {taken / size * 10_000:13.2f}")


if __name__ == "__main__":
    report()
