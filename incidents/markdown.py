"""Markdown to HTML that is safe to show, in one place for every text that people or other systems write.

Two locks, one behind the other: the parser knows no HTML, and what it makes is cleaned by an allow-list. Every id
carries the prefix `u-`, so that a text can neither take the place of an element of the page nor be one of our scripts'.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

import nh3
import pygments
from django.core.cache import cache as shared_cache
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

LONGEST_TEXT = 1_000_000
"""Characters. A longer text is shown as it is, without a look for marks in it."""
LONGEST_CODE = 20_000
"""Characters of one block of code that are coloured; some of Pygments' lexers are slow on long input."""
WORTH_CACHING = 500
"""Characters. Below, asking the cache takes as long as rendering."""
VERSION = 2
"""To raise when the same text gives other HTML: what is in the cache is then passed over."""
FIRST_HEADING = 3
"""Texts stand below a heading of the page, which is of the second level."""
LAST_HEADING = 6

_KEY = r"[a-z][a-z0-9_-]*(?::[A-Za-z0-9_-]+)?"
_REFERENCE = re.compile(r"\{\{\s*(" + _KEY + r")\s*\}\}")
_CODE_OR_REFERENCE = re.compile(
    r"(?P<code>^(?P<fence>`{3,}+|~{3,}+)[^\n]*\n.*?(?:^(?P=fence)|\Z)|(?<!`)(?P<tick>`++)[^`\n]+(?P=tick)(?!`))"
    r"|" + _REFERENCE.pattern.replace("(" + _KEY, "(?P<key>" + _KEY),
    re.MULTILINE | re.DOTALL,
)
_OWN_FILE = re.compile(r"/files/[0-9a-f-]{36}/[^/?#]+\Z")
_MARKS = re.compile(r"([\\`*_\[\]<>|])")


Render = Callable[[str, Mapping[str, "Reference"], str, Mapping[str, "Explained"]], str]


@dataclass(frozen=True)
class Reference:
    """What `{{key}}` in a text stands for now, and where that is edited; `url` is "" when it has no page."""

    text: str
    url: str


@dataclass(frozen=True)
class Explained:
    """A term of the glossary: its meaning, and where on the page it is listed."""

    meaning: str
    url: str


def render(
    text: str,
    references: Mapping[str, Reference] | None = None,
    *,
    prefix: str = "",
    terms: Mapping[str, Explained] | None = None,
) -> SafeString:
    """The HTML of a text: paragraphs, tables, lists, footnotes, code, headings from the third level on.

    `prefix` keeps the ids of two texts on one page apart. A name without a reference is shown as it was written. Of
    `terms`, by the word itself, each is explained where the text uses it first.
    """
    return _cached(_render, text, references or {}, prefix, terms or {})


def render_inline(text: str, references: Mapping[str, Reference] | None = None) -> SafeString:
    """The HTML of a text that stands within a line or a cell: links, stress and code, but no paragraphs or images."""
    return _cached(_render_inline, text, references or {}, "", {})


def reference_keys(text: str) -> set[str]:
    """The names a text uses, known or not."""
    return {match["key"] for match in _CODE_OR_REFERENCE.finditer(text) if match["key"]}


def resolve_references(text: str, references: Mapping[str, Reference]) -> str:
    """The same Markdown with what its names stand for written out; code stays as it is."""
    escaped = {key: Reference(_MARKS.sub(r"\\\1", found.text), found.url) for key, found in references.items()}
    return name_references(text, escaped)


def name_references(text: str, references: Mapping[str, Reference]) -> str:
    """The text as it was typed, with what its names stand for as an editor shows it; no Markdown any more."""

    def named(match: re.Match[str]) -> str:
        reference = references.get(match["key"] or "")
        return reference.text if reference else match[0]

    return _CODE_OR_REFERENCE.sub(named, text)


# -- Rendering --------------------------------------------------------------------------------------------------------


def _cached(
    make: Render, text: str, references: Mapping[str, Reference], prefix: str, terms: Mapping[str, Explained]
) -> SafeString:
    if len(text) > LONGEST_TEXT:
        return format_html("<pre>{}</pre>", text)
    if len(text) < WORTH_CACHING:
        return mark_safe(make(text, references, prefix, terms))  # noqa: S308 - cleaned by nh3
    used = sorted((key, references[key]) for key in reference_keys(text) if key in references)
    key = repr((VERSION, make.__name__, text, used, prefix, sorted(terms.items()) if terms else ()))
    digest = hashlib.sha256(key.encode(errors="replace")).hexdigest()
    html: str | None = shared_cache.get_or_set(
        f"markdown:{digest}", lambda: make(text, references, prefix, terms), 7 * 86_400
    )
    return mark_safe(html or "")  # noqa: S308 - cleaned by nh3


def _render(text: str, references: Mapping[str, Reference], prefix: str, terms: Mapping[str, Explained]) -> str:
    env = {"references": references, "docId": slugify(prefix) or None, "terms": terms}
    return _clean(_document_parser().render(text, env))


def _render_inline(text: str, references: Mapping[str, Reference], prefix: str, terms: Mapping[str, Explained]) -> str:
    return _clean(_line_parser().renderInline(text, {"references": references}))


@cache
def _document_parser() -> MarkdownIt:
    parser = _parser()
    parser.use(footnote_plugin, inline=False).use(tasklists_plugin)
    parser.options["highlight"] = _highlight
    parser.core.ruler.push("headings", _headings)
    parser.core.ruler.push("task_boxes", _task_boxes)
    parser.core.ruler.push("explain_terms", _explain_terms)
    parser.add_render_rule("footnote_anchor_name", _footnote_name)
    parser.add_render_rule("footnote_anchor", _footnote_back)
    return parser


@cache
def _line_parser() -> MarkdownIt:
    parser = _parser()
    parser.options["breaks"] = True
    parser.disable("image")
    return parser


def _parser() -> MarkdownIt:
    parser = MarkdownIt("gfm-like", {"html": False, "linkify": True})
    # "payments.py" and "deploy.sh" are files, not web addresses
    cast("Any", parser.linkify).set({"fuzzy_link": False, "fuzzy_email": False})
    parser.inline.ruler.before("link", "reference_name", _parse_reference)
    parser.add_render_rule("reference_name", _render_reference)
    parser.add_render_rule("image", _render_image)
    return parser


def _parse_reference(state: StateInline, silent: bool) -> bool:
    match = _REFERENCE.match(state.src, state.pos, state.posMax)
    if not match:
        return False
    if not silent:
        token = state.push("reference_name", "", 0)
        token.content = match[0]
        token.meta = {"key": match[1], "in_link": state.linkLevel > 0}
    state.pos = match.end()
    return True


def _render_reference(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    token = tokens[index]
    reference: Reference | None = env["references"].get(token.meta["key"])
    if reference is None:
        return f'<span class="fact-reference is-missing">{escape(token.content)}</span>'
    if not reference.url or token.meta["in_link"]:
        return f'<span class="fact-reference">{escape(reference.text)}</span>'
    return f'<a class="fact-reference" href="{escape(reference.url)}">{escape(reference.text)}</a>'


def _render_image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """An image that was uploaded here. Any other becomes a link: loading it would tell its owner who reads what."""
    token = tokens[index]
    source = str(token.attrGet("src") or "")
    shown = renderer.renderInlineAsText(token.children, options, env)
    if _OWN_FILE.fullmatch(source):
        return f'<img src="{escape(source)}" alt="{escape(shown)}" loading="lazy" decoding="async">'
    return f'<a href="{escape(source)}">{escape(shown or source)}</a>'


def _highlight(code: str, language: str, attributes: str) -> str:
    """A block of code, coloured by classes; as it is when nobody knows its language."""
    if not language or len(code) > LONGEST_CODE:
        return ""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    coloured = pygments.highlight(code, lexer, HtmlFormatter(nowrap=True))
    return f'<pre class="code"><code>{coloured}</code></pre>'


def _headings(state: StateCore) -> None:
    """Levels without gaps from FIRST_HEADING on, and an id of its own for each heading."""
    opens = [
        (token, state.tokens[index + 1]) for index, token in enumerate(state.tokens) if token.type == "heading_open"
    ]
    closes = [token for token in state.tokens if token.type == "heading_close"]
    ranks = {tag: rank for rank, tag in enumerate(sorted({token.tag for token, _ in opens}))}
    taken: set[str] = set()
    level = FIRST_HEADING - 1
    for (token, inline), closing in zip(opens, closes, strict=True):
        level = min(FIRST_HEADING + ranks[token.tag], level + 1, LAST_HEADING)
        token.attrSet("id", _free_id(_id(slugify(inline.content) or "section", state.env), taken))
        token.tag = closing.tag = f"h{level}"
    _link_to_headings(state, taken)


def _link_to_headings(state: StateCore, taken: set[str]) -> None:
    """`[above](#cause)` leads to the heading "Cause" of the same text."""
    for inline in state.tokens:
        for token in inline.children or []:
            target = str(token.attrGet("href") or "") if token.type == "link_open" else ""
            if target.startswith("#") and _id(target[1:], state.env) in taken:
                token.attrSet("href", f"#{_id(target[1:], state.env)}")


def _free_id(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    taken.add(name)
    return name


def _id(name: str, env: Any) -> str:
    return "-".join(part for part in ("u", env.get("docId"), name) if part)


def _task_boxes(state: StateCore) -> None:
    """The boxes of a task list as marks that are read aloud, not as form fields that cannot be used."""
    for inline in state.tokens:
        for token in inline.children or []:
            if token.type == "html_inline" and "task-list-item-checkbox" in token.content:
                done = "checked=" in token.content
                kind, label = ("is-done", "Done:") if done else ("is-open", "To do:")
                token.content = f'<span class="task-box {kind}" role="img" aria-label="{label}"></span>'


def _explain_terms(state: StateCore) -> None:
    """Where a term of the glossary is used first, it says what it means; not within links, headings or code."""
    terms: dict[str, Explained] = dict(state.env.get("terms") or {})
    before = ""
    for inline in state.tokens:
        if terms and inline.children and before != "heading_open":
            inline.children = _with_terms(inline.children, terms)
        before = inline.type


def _with_terms(children: Sequence[Token], terms: dict[str, Explained]) -> list[Token]:
    """The tokens of a line, with the terms that were found taken out of `terms`."""
    found: list[Token] = []
    in_link = 0
    for token in children:
        in_link += (token.type == "link_open") - (token.type == "link_close")
        if token.type != "text" or in_link or not terms:
            found.append(token)
            continue
        rest = token.content
        while terms and (match := re.search(_any_of(frozenset(terms)), rest)):
            explained = terms.pop(_as_written(match[0], terms))
            found += [_text(rest[: match.start()]), *_explanation(match[0], explained)]
            rest = rest[match.end() :]
        found.append(_text(rest))
    return found


@lru_cache(maxsize=64)
def _any_of(terms: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(terms, key=lambda term: (-len(term), term))
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)", re.IGNORECASE)


def _as_written(word: str, terms: Mapping[str, Explained]) -> str:
    """The key of the term that `word` is, in whatever case, as the pattern that found it sees cases."""
    return word if word in terms else next(term for term in terms if re.fullmatch(re.escape(term), word, re.IGNORECASE))


def _text(content: str) -> Token:
    token = Token("text", "", 0)
    token.content = content
    return token


def _explanation(word: str, explained: Explained) -> list[Token]:
    opening = Token("link_open", "a", 1)
    opening.attrs = {"href": explained.url, "class": "term-reference", "title": explained.meaning}
    return [opening, _text(word), Token("link_close", "a", -1)]


def _footnote_name(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return _id(str(tokens[index].meta["id"] + 1), env)


def _footnote_back(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    name = renderer.rules["footnote_anchor_name"](tokens, index, options, env)
    sub = tokens[index].meta["subId"]
    target = f"fnref{name}:{sub}" if sub > 0 else f"fnref{name}"
    return f' <a href="#{target}" class="footnote-backref" aria-label="Back to the text">\u21a9\ufe0e</a>'


# -- Cleaning ---------------------------------------------------------------------------------------------------------

_TAGS = {
    "a",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "dl",
    "dt",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "img",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "section",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
}
_ATTRIBUTES = {
    "a": {"href", "id", "class", "aria-label", "title"},
    "img": {"src", "alt", "loading", "decoding"},
    "ol": {"start", "class"},
    "span": {"class", "role", "aria-label"},
    **{tag: {"id"} for tag in ("h3", "h4", "h5", "h6")},
    **{tag: {"class"} for tag in ("code", "hr", "pre", "section", "sup", "ul")},
    "li": {"id", "class"},
    **{tag: {"class"} for tag in ("td", "th")},
}
_ALIGNMENT = re.compile(r' style="text-align:(left|center|right)"')
_OUR_ID = re.compile(r"(u-|fn(ref)?u-)[\w:-]*\Z")
_OUR_CLASS = re.compile(
    r"code|contains-task-list|fact-reference|footnote-(backref|item|ref)|footnotes(-list|-sep)?|is-(done|missing|open)"
    r"|task-box|task-list-item|term-reference|align-(left|center|right)|language-[\w+-]+|[a-z][a-z0-9]{0,2}"
)
"""Classes of the rules above, and the short ones that Pygments gives."""


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "id":
        return value if _OUR_ID.match(value) else None
    if name == "class":
        return " ".join(word for word in value.split() if _OUR_CLASS.fullmatch(word)) or None
    if tag == "img" and name == "src":
        return value if _OWN_FILE.match(value) else None
    return value


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_keep_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )


def _clean(html: str) -> str:
    html = _ALIGNMENT.sub(r' class="align-\1"', html)
    return _cleaner().clean(html.encode(errors="replace").decode())
