"""Three views of the same factors: layers with holes, fishbone, fault tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from postmortems.drawings.shapes import LINE, frame, lines_of, words
from postmortems.drawings.tree import Box, draw_tree
from postmortems.enums import DefenceLayer, FactorCategory, GateKind
from postmortems.models import Factor, Gate

SLICE, STEP, HIGH = 60, 96, 150
END = 150
"""Width of the words at either end of the arrow."""


def by_layer(factors: Iterable[Factor]) -> dict[str, list[Factor]]:
    """The layers in the order in which the incident passed them, each with its factors."""
    found: dict[str, list[Factor]] = {}
    for factor in factors:
        found.setdefault(factor.layer, []).append(factor)
    return found


def _numbers(factors: Sequence[Factor]) -> str:
    return ", ".join(factor.name for factor in factors)


def _layers_in_words(layers: Mapping[str, Sequence[Factor]]) -> str:
    return "; ".join(f"{DefenceLayer(layer).label}: {_numbers(rows)}" for layer, rows in layers.items())


# -- Swiss cheese ------------------------------------------------------------------------------------------------------


def draw_layers(factors: Sequence[Factor], *, impact: str) -> SafeString:
    """Layers as slices whose holes line up, an arrow through them, and below the layers that held; "" without any."""
    failed = by_layer(factor for factor in factors if not factor.has_held)
    held = by_layer(factor for factor in factors if factor.has_held)
    if not failed and not held:
        return SafeString("")
    wide = END + STEP * max(len(failed), len(held), 1) + END
    high = (HIGH + 60 if failed else 10) + (HIGH * 0.6 + 64 if held else 0)
    shapes: list[SafeString] = []
    if failed:
        shapes += _lane_of_holes(failed, impact)
    if held:
        shapes += _lane_that_held(held, top=HIGH + 84 if failed else 24)
    said = [
        f"Passed: {_layers_in_words(failed)}." if failed else "",
        f"Held: {_layers_in_words(held)}." if held else "",
    ]
    return frame(shapes, wide=wide, high=high, title="Layers of defence", description=" ".join(filter(None, said)))


def _lane_of_holes(layers: Mapping[str, Sequence[Factor]], impact: str) -> list[SafeString]:
    line = 14 + HIGH / 2
    tip = END + STEP * len(layers)
    return [
        words(["Trigger"], x=END - 30, y=line - 10, kind="drawing-text", anchor="end"),
        *(_slice(at, layer, rows, line) for at, (layer, rows) in enumerate(layers.items())),
        format_html(
            '<path class="drawing-arrow" d="M{} {}H{}"/><path class="drawing-tip" d="M{} {}l-11 -6v12z"/>',
            END - 90, f"{line:.1f}", f"{tip + 6:.1f}", f"{tip + 16:.1f}", f"{line:.1f}",
        ),
        words(lines_of(impact, width=17, most=5), x=tip + 24, y=line - 24, kind="drawing-text", anchor="start"),
    ]  # fmt: skip


def _slice(at: int, layer: str, rows: Sequence[Factor], line: float) -> SafeString:
    """A slice with its hole on the arrow's line, cut out so that the arrow is seen through it."""
    x, y = END + at * STEP, 14.0
    middle = x + SLICE / 2
    outline = f"M{x + 10} {y}h{SLICE - 20}a10 10 0 0 1 10 10v{HIGH - 20}a10 10 0 0 1 -10 10h-{SLICE - 20}"
    outline += f"a10 10 0 0 1 -10 -10v-{HIGH - 20}a10 10 0 0 1 10 -10z"
    hole = f"M{middle - 15} {line}a15 21 0 1 0 30 0a15 21 0 1 0 -30 0z"
    foot = y + HIGH + LINE
    return format_html(
        '<g class="drawing-slice"><title>{}: {}</title><path fill-rule="evenodd" d="{}"/>{}{}</g>',
        DefenceLayer(layer).label,
        " · ".join(row.text for row in rows),
        outline + hole,
        words([DefenceLayer(layer).label], x=middle, y=foot, kind="drawing-text"),
        words(lines_of(_numbers(rows), width=15, most=2), x=middle, y=foot + LINE, kind="drawing-small"),
    )


def _lane_that_held(layers: Mapping[str, Sequence[Factor]], *, top: float) -> list[SafeString]:
    high = HIGH * 0.6
    line = top + high / 2
    shapes = [
        words(["What held"], x=END - 30, y=line - 10, kind="drawing-text", anchor="end"),
        format_html('<path class="drawing-arrow drawing-stopped" d="M{} {}H{}"/>', END - 90, f"{line:.1f}", END - 6),
    ]
    for at, (layer, rows) in enumerate(layers.items()):
        x = END + at * STEP
        middle = x + SLICE / 2
        foot = top + high + LINE
        shapes.append(
            format_html(
                '<g class="drawing-slice drawing-held"><title>{}: {}</title>'
                '<rect x="{}" y="{}" width="{}" height="{}" rx="10"/><path class="drawing-tick" d="{}"/>{}{}</g>',
                DefenceLayer(layer).label,
                " · ".join(row.text for row in rows),
                x,
                f"{top:.1f}",
                SLICE,
                f"{high:.1f}",
                f"M{middle - 9:.1f} {line:.1f}l6 7l12 -14",
                words([DefenceLayer(layer).label], x=middle, y=foot, kind="drawing-text"),
                words(lines_of(_numbers(rows), width=15, most=2), x=middle, y=foot + LINE, kind="drawing-small"),
            )
        )
    return shapes


# -- Fishbone ----------------------------------------------------------------------------------------------------------

BONE, RIB, REACH = 232, 44, 40


def draw_fishbone(factors: Sequence[Factor], *, impact: str) -> SafeString:
    """What did not hold, by what it is made of, along a spine that ends in what customers saw; "" without any."""
    bones: dict[str, list[Factor]] = {}
    for factor in factors:
        if not factor.has_held:
            name = FactorCategory(factor.category).label if factor.category else DefenceLayer(factor.layer).label
            bones.setdefault(name, []).append(factor)
    if not bones:
        return SafeString("")
    pairs = -(-len(bones) // 2)
    longest = max(len(rows) for rows in bones.values())
    reach = REACH + longest * RIB
    spine = reach + 22.0
    head = 30 + pairs * BONE
    shapes = [format_html('<path class="drawing-line drawing-spine" d="M20 {}H{}"/>', f"{spine:.1f}", head)]
    for at, (name, rows) in enumerate(bones.items()):
        shapes += _bone(name, rows, foot=30 + (at // 2 + 1) * BONE - 24, spine=spine, up=at % 2 == 0, reach=reach)
    lines = lines_of(impact, width=20, most=5)
    top = spine - len(lines) * LINE / 2 - 8
    shapes.append(
        format_html(
            '<g class="drawing-box drawing-top"><rect x="{}" y="{}" width="170" height="{}" rx="6"/>{}</g>',
            head,
            f"{top:.1f}",
            len(lines) * LINE + 16,
            words(lines, x=head + 85, y=top + 20, kind="drawing-text"),
        )
    )
    said = "; ".join(f"{name}: " + ", ".join(f"{row.name} {row.text}" for row in rows) for name, rows in bones.items())
    high = 2 * spine if len(bones) > 1 else spine + 60
    return frame(shapes, wide=head + 172, high=high, title=f"Fishbone of {impact}", description=said)


def _bone(name: str, rows: Sequence[Factor], *, foot: float, spine: float, up: bool, reach: float) -> list[SafeString]:
    """A bone that leans away from the head, a rib for each factor."""
    way = -1 if up else 1
    lean = reach * 0.3
    end = spine + way * reach
    shapes = [
        format_html('<path class="drawing-line" d="M{} {}L{} {}"/>', f"{foot - lean:.1f}", f"{end:.1f}", foot, spine),
        words([name], x=foot - lean, y=end + (-8 if up else LINE + 2), kind="drawing-number"),
    ]
    for at, row in enumerate(rows):
        y = end - way * (REACH / 2 + at * RIB)
        x = foot - lean * abs(y - spine) / reach
        lines = lines_of(f"{row.name} {row.text}", width=27, most=2)
        shapes.append(
            format_html(
                '<g><title>{}</title><path class="drawing-line" d="M{} {}h-12"/>{}</g>',
                f"{row.name} {row.text}",
                f"{x:.1f}",
                f"{y:.1f}",
                words(lines, x=x - 16, y=y + (4 if len(lines) == 1 else -4), kind="drawing-small", anchor="end"),
            )
        )
    return shapes


# -- Fault tree --------------------------------------------------------------------------------------------------------


def draw_fault_tree(factors: Sequence[Factor], gates: Sequence[Gate], *, impact: str) -> SafeString:
    """What had to come together. Without gates: every layer that was passed, and in each any of its holes."""
    failed = [factor for factor in factors if not factor.has_held]
    if not failed:
        return SafeString("")
    top = Box(impact, kind="top", gate="and")
    if gates:
        _hang(top, failed, gates)
    else:
        top.below = [_layer(layer, rows) for layer, rows in by_layer(failed).items()]
    if len(top.below) == 1:
        top.gate = ""
    said = _in_words(top)
    return draw_tree(top, title=f"Fault tree of {impact}", description=said)


def _hang(top: Box, failed: Sequence[Factor], gates: Sequence[Gate]) -> None:
    boxes = {gate.pk: Box(gate.label, gate=gate.kind) for gate in gates}
    for gate in gates:
        boxes.get(gate.parent_id or 0, top).below.append(boxes[gate.pk])
    for factor in failed:
        boxes.get(factor.gate_id or 0, top).below.append(_leaf(factor))
    for box in boxes.values():
        box.gate = box.gate if len(box.below) > 1 else ""


def _layer(layer: str, rows: Sequence[Factor]) -> Box:
    if len(rows) == 1:
        return _leaf(rows[0])
    label = f"{DefenceLayer(layer).label} did not stop it"
    return Box(label, gate=GateKind.OR, below=[_leaf(row) for row in rows])


def _leaf(factor: Factor) -> Box:
    return Box(factor.text, label=factor.name, kind="leaf", url=f"#factor-{factor.number}")


def _in_words(box: Box) -> str:
    said = " ".join(filter(None, [box.label, box.text]))
    if not box.below:
        return said
    joint = f" {box.gate.upper() or 'from'} "
    return f"{said} ← ({joint.join(_in_words(child) for child in box.below)})"
