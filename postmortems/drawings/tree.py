"""Boxes below boxes: the Five Whys and the fault tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.html import format_html
from django.utils.safestring import SafeString

from postmortems.drawings.shapes import LINE, frame, lines_of, words

WIDE, GAP, DROP = 208, 20, 34
CHARACTERS, MOST_LINES = 29, 5
MOST_BOXES = 120
"""More than that is no drawing any more: the list beside it says it all."""
GATE_HIGH = 26


@dataclass
class Box:
    """One box and what hangs below it. `label` stands above its text; `gate` is drawn below it: "and", "or" or none."""

    text: str
    label: str = ""
    kind: str = "plain"
    url: str = ""
    gate: str = ""
    below: list[Box] = field(default_factory=list)
    x: float = 0
    y: float = 0

    @property
    def lines(self) -> list[str]:
        return lines_of(self.text, width=CHARACTERS, most=MOST_LINES)

    @property
    def high(self) -> float:
        return LINE * (len(self.lines) + (1 if self.label else 0)) + 14

    @property
    def foot(self) -> float:
        """Where what hangs below it begins."""
        return self.y + self.high + (GATE_HIGH if self.gate else 0)

    def all(self) -> Iterator[Box]:
        waiting = [self]
        while waiting:
            box = waiting.pop()
            yield box
            waiting += reversed(box.below)


def draw_tree(root: Box, *, title: str, description: str) -> SafeString:
    """The tree from the top down; "" where it has too many boxes to be read."""
    boxes = list(root.all())
    if len(boxes) > MOST_BOXES:
        return SafeString("")
    columns = _place(root, column=0)
    _drop(root)
    wide = columns * (WIDE + GAP) - GAP + 2
    high = max(box.foot for box in boxes) + 2
    shapes = [_line(box, child) for box in boxes for child in box.below]
    shapes += [_gate(box) for box in boxes if box.gate]
    shapes += [_box(box) for box in boxes]
    return frame(shapes, wide=wide, high=high, title=title, description=description, kind="drawing-tree")


def _place(box: Box, *, column: int) -> int:
    """Give every box its place from left to right, parents above the middle of what is below; the next free column."""
    if not box.below:
        box.x = column * (WIDE + GAP) + 1
        return column + 1
    for child in box.below:
        column = _place(child, column=column)
    box.x = (box.below[0].x + box.below[-1].x) / 2
    return column


def _drop(root: Box) -> None:
    """Levels of one height each, so that what is as deep stands as low."""
    level, y = [root], 1.0
    while level:
        for box in level:
            box.y = y
        y = max(box.foot for box in level) + DROP
        level = [child for box in level for child in box.below]


def _line(box: Box, child: Box) -> SafeString:
    x, y = box.x + WIDE / 2, box.foot
    turn = child.y - DROP / 2
    path = f"M{x:.1f} {y:.1f}V{turn:.1f}H{child.x + WIDE / 2:.1f}V{child.y:.1f}"
    return format_html('<path class="drawing-line" d="{}"/>', path)


def _gate(box: Box) -> SafeString:
    """AND: a dome on a flat foot. OR: a dome on a hollow foot. The word stands in it too."""
    x, top, foot = box.x + WIDE / 2, box.y + box.high, box.foot
    sag = foot if box.gate == "and" else foot - 7
    path = (
        f"M{x - 17:.1f} {foot:.1f}V{top + 14:.1f}Q{x - 17:.1f} {top:.1f} {x:.1f} {top:.1f}"
        f"Q{x + 17:.1f} {top:.1f} {x + 17:.1f} {top + 14:.1f}V{foot:.1f}Q{x:.1f} {sag:.1f} {x - 17:.1f} {foot:.1f}Z"
    )
    word = words([box.gate.upper()], x=x, y=top + 17, kind="drawing-small")
    return format_html('<g class="drawing-gate"><path d="{}"/>{}</g>', path, word)


def _box(box: Box) -> SafeString:
    middle, y = box.x + WIDE / 2, box.y + LINE + 2
    label = words([box.label], x=middle, y=y, kind="drawing-number") if box.label else SafeString("")
    text = words(box.lines, x=middle, y=y + (LINE if box.label else 0), kind="drawing-text")
    shape = format_html(
        '<g class="drawing-box drawing-{}"><title>{}</title>'
        '<rect x="{}" y="{}" width="{}" height="{}" rx="6"/>{}{}</g>',
        box.kind,
        " ".join(filter(None, [box.label, box.text])),
        f"{box.x:.1f}",
        f"{box.y:.1f}",
        WIDE,
        f"{box.high:.1f}",
        label,
        text,
    )
    return format_html('<a href="{}">{}</a>', box.url, shape) if box.url else shape
