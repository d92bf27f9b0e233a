"""The document as its readers see it: every section rendered, every reference looked up once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import slugify

from accounts.models import User
from incidents.markdown import Explained, render
from postmortems.blocks import block_of
from postmortems.models import Postmortem, Section
from postmortems.queries import sections_of
from postmortems.references import references_in


@dataclass(frozen=True)
class RenderedSection:
    """One section ready to be shown, and the name of its place in the page."""

    section: Section
    anchor: str
    html: SafeString
    said: str
    """What it says, without what ages by itself, such as how late an action is."""


def rendered_sections(postmortem: Postmortem, user: User | None) -> list[RenderedSection]:
    """The sections that have something to show, in order; `user` is None in an export."""
    sections = sections_of(postmortem)
    references = references_in(postmortem, [section.body for section in sections])
    terms = {term.term: Explained(term.meaning, f"#term-{term.pk}") for term in postmortem.terms.all()}
    shown: list[RenderedSection] = []
    taken: set[str] = set()
    for section in sections:
        anchor = _anchor(section, taken)
        if section.is_prose:
            html = render(section.body, references, prefix=anchor, terms=terms)
            said = str(html)
        else:
            said, html = _block(section, postmortem, user)
        if html.strip():
            shown.append(RenderedSection(section, anchor, html, said))
    return shown


def version_of(sections: Iterable[RenderedSection]) -> str:
    """A short name for what they say: it differs when they say something else."""
    said = "\0".join(f"{rendered.section.title}\0{rendered.said}" for rendered in sections)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def rendered_section(section: Section) -> SafeString:
    """One section as its readers see it; "" when it has nothing to show."""
    if not section.is_prose:
        return _block(section, section.postmortem, None)[1]
    return rendered_text(section.postmortem, section.body)


def rendered_text(postmortem: Postmortem, text: str) -> SafeString:
    """Some Markdown of this post-mortem, with its references."""
    return render(text, references_in(postmortem, [text]))


def _block(section: Section, postmortem: Postmortem, user: User | None) -> tuple[str, SafeString]:
    """What it says as an export has it, and as the page has it; both empty when there is nothing to show."""
    block = block_of(section.kind)
    said = block.markdown(postmortem) if block else ""
    if block is None or not said:
        return "", SafeString("")
    return said, render_to_string(block.template, {"postmortem": postmortem, **block.context(postmortem, user)})


def _anchor(section: Section, taken: set[str]) -> str:
    """A readable name, used once in the page."""
    base = slugify(section.title) or "section"
    name = next(name for name in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)
    taken.add(name)
    return name
