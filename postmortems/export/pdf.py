"""A post-mortem as PDF, from the same HTML as the export. Needs WeasyPrint and the system's Pango."""

from __future__ import annotations

import logging
import re
from ctypes.util import find_library
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from postmortems.export.html import STYLE as EXPORT_STYLE
from postmortems.export.html import postmortem_as_html
from postmortems.models import Postmortem

logger = logging.getLogger("debrief.export")
STYLE = Path(__file__).with_name("pdf.css")
WIDEST = 640.0
"""Of a drawing, in CSS pixels: what an A4 page holds between its margins."""
DRAWING = re.compile(
    r'<svg class="(?P<kind>[^"]*)" viewBox="(?P<box>[^"]*)" width="(?P<wide>[\d.]+)" height="(?P<high>[\d.]+)"'
)
DRAWN = re.compile(r"^\.(?:drawing|chart|graph)[^\n]*$", re.MULTILINE)
VALUE = re.compile(r"(--[a-z]+):\s*([^;]+);")


class PdfUnavailable(Exception):
    """WeasyPrint, or a library of the system that it needs, is not installed here."""


@cache
def _weasyprint() -> Any:
    """The library; None where it cannot be loaded. It is large, and loaded once it is asked for."""
    try:
        import weasyprint  # noqa: PLC0415
    except (ImportError, OSError) as error:
        logger.warning("no PDF here: %s", error)
        return None
    return weasyprint


@cache
def is_available() -> bool:
    """Whether this installation makes PDFs, as far as can be told without loading the library."""
    return find_spec("weasyprint") is not None and find_library("pango-1.0") is not None


def postmortem_as_pdf(postmortem: Postmortem) -> bytes:
    """The document on pages, with their numbers. Nothing is fetched: images are inside already.

    Raises `PdfUnavailable`.
    """
    library = _weasyprint()
    if library is None:
        raise PdfUnavailable
    html = _with_drawings(postmortem_as_html(postmortem))
    document = library.HTML(string=html, url_fetcher=_only_inside, media_type="print")
    return bytes(document.write_pdf(stylesheets=[library.CSS(string=STYLE.read_text())]))


def _with_drawings(html: str) -> str:
    """The drawings with their own colours, no wider than the page: a page's styles do not reach into them here."""
    style = f"<style>{_drawing_style()}</style>"

    def fitted(match: re.Match[str]) -> str:
        scale = min(1.0, WIDEST / float(match["wide"]))
        wide, high = (float(match[name]) * scale for name in ("wide", "high"))
        return (
            f'<svg class="{match["kind"]}" viewBox="{match["box"]}" style="width: {wide:.0f}px; height: {high:.0f}px"'
        )

    return re.sub(r"(<svg [^>]*>)", lambda match: match[1] + style, DRAWING.sub(fitted, html))


@cache
def _drawing_style() -> str:
    """The rules of drawings, in the colours of paper."""
    css = EXPORT_STYLE.read_text()
    paper = next(line for line in css.splitlines() if line.startswith("@media print"))
    values = dict(VALUE.findall(paper))
    rules = "\n".join(DRAWN.findall(css))
    return re.sub(r"var\((--[a-z]+)\)", lambda match: values[match[1]], rules)


def _only_inside(url: str, *args: Any, **options: Any) -> Any:
    """What the file holds itself, and nothing from anywhere else: a text could name any address of our network."""
    if not url.startswith("data:"):
        raise ValueError("nothing is fetched for a PDF")
    return _weasyprint().default_url_fetcher(url, *args, **options)
