"""What the drawings share: words broken into lines, and the frame that names a drawing."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

LINE = 16
"""Height of a line of text."""


def lines_of(text: str, *, width: int, most: int) -> list[str]:
    """`text` in at most `most` lines of about `width` characters; what does not fit ends in an ellipsis."""
    broken = wrap(" ".join(text.split()), width, break_long_words=True) or [""]
    if len(broken) <= most:
        return broken
    return [*broken[: most - 1], broken[most - 1][: width - 1].rstrip() + "…"]


def words(lines: Iterable[str], *, x: float, y: float, kind: str, anchor: str = "middle") -> SafeString:
    """Lines of text below each other, the first with its base line at `y`."""
    rows = [(f"{x:.1f}", f"{y + at * LINE:.1f}", kind, anchor, line) for at, line in enumerate(lines)]
    return format_html_join("", '<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>', rows)


def frame(
    shapes: Iterable[SafeString], *, wide: float, high: float, title: str, description: str, kind: str = ""
) -> SafeString:
    """The whole drawing, with its name and what it says for those who do not see it."""
    return format_html(
        '<svg class="drawing{5}" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">'
        "<title>{2}</title><desc>{3}</desc>{4}</svg>",
        f"{wide:.0f}",
        f"{high:.0f}",
        title,
        description,
        format_html_join("", "{}", ((shape,) for shape in shapes)),
        f" {kind}" if kind else "",
    )
