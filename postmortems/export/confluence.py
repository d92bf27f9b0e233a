"""A post-mortem in Confluence's storage format: XHTML with its macros, to be put into a page as its body.

https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html names what may stand in it. Drawings are
left out: the lists beside them say the same.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr

from django.conf import settings

from postmortems.blocks.incident import known_durations, known_moments
from postmortems.document import rendered_sections
from postmortems.models import Postmortem
from postmortems.queries import tags_of

KEPT = {
    "h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "strong",
    "em", "code", "blockquote", "sub", "sup", "u", "del", "pre",
}  # fmt: skip
RENAMED = {"dl": "ul", "div": "", "b": "strong", "i": "em", "s": "del"}
EMPTY = {"br", "hr"}
SKIPPED = {"svg", "script", "style", "button", "form", "summary", "noscript"}
"""With everything in them."""
FILE = re.compile(r"/files/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/")
INVALID = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""Characters that XML 1.0 does not know."""


PictureNames = dict[UUID, str]
"""Names of the files that stand on the page, by the attachment they are of."""


def postmortem_as_confluence(postmortem: Postmortem, *, pictures: PictureNames | None = None) -> str:
    """The facts, then every section under a heading of the second level. `pictures` are shown from the page's files."""
    incident = postmortem.incident
    facts = [fact for fact in known_moments(incident) if fact.key == "impact-start"] + known_durations(incident)
    rows = [("Severity", incident.severity), ("Team", str(postmortem.team)), *((f.label, f.text) for f in facts)]
    if tags := ", ".join(tag.name for tag in tags_of(postmortem)):
        rows.append(("Tags", tags))
    cells = "".join(f"<tr><th>{_text(label)}</th><td>{_text(said)}</td></tr>" for label, said in rows)
    link = f"{settings.BASE_URL}{postmortem.get_absolute_url()}"
    head = f"<p><a href={quoteattr(link)}>{_text(str(postmortem))}</a></p><table><tbody>{cells}</tbody></table>"
    sections = (
        f"<h2>{_text(each.section.title)}</h2>{storage_of(str(each.html), pictures)}"
        for each in rendered_sections(postmortem, None)
    )
    return "\n".join([head, *sections]) + "\n"


def storage_of(html: str, pictures: PictureNames | None = None) -> str:
    """Our rendered HTML as well-formed storage format: what Confluence does not know is left out, its words are not."""
    writer = _Writer(pictures or {})
    writer.feed(html)
    writer.close()
    return writer.finished()


class _Writer(HTMLParser):
    def __init__(self, pictures: PictureNames) -> None:
        super().__init__(convert_charrefs=True)
        self.pictures = pictures
        self.parts: list[str] = []
        self.open: list[tuple[str, str]] = []
        """Tags as they were read, each with the one written for it ("" for none)."""
        self.skipped = 0
        self.code: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in SKIPPED:
            self.skipped += 1
        if self.skipped or self.code is not None:
            return
        if tag == "pre":
            self.code = []
        elif tag in EMPTY:
            self.parts.append(f"<{tag}/>")
        elif tag == "img":
            self._image(given)
        elif tag == "a" and given.get("href", "").startswith(("http://", "https://", "mailto:", "/")):
            self._begin(tag, tag, f" href={quoteattr(_clean(_address(given['href'])))}")
        else:
            written = RENAMED.get(tag, tag)
            self._begin(tag, written if written in KEPT else "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY and tag != "img":
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in SKIPPED:
            self.skipped = max(0, self.skipped - 1)
        elif self.code is not None:
            if tag == "pre":
                self._end_code()
        elif not self.skipped and any(tag == read for read, _ in self.open):
            self._close_until(tag)

    def handle_data(self, data: str) -> None:
        if self.code is not None:
            self.code.append(data)
        elif not self.skipped:
            self.parts.append(_text(data))

    def finished(self) -> str:
        if self.code is not None:
            self._end_code()
        while self.open:
            self._close()
        return "".join(self.parts)

    def _begin(self, read: str, written: str, attributes: str = "") -> None:
        self.open.append((read, written))
        if written:
            self.parts.append(f"<{written}{attributes}>")

    def _close_until(self, tag: str) -> None:
        while self.open[-1][0] != tag:
            self._close()
        self._close()

    def _close(self) -> None:
        _, written = self.open.pop()
        if written:
            self.parts.append(f"</{written}>")

    def _image(self, given: dict[str, str]) -> None:
        alternative, source = quoteattr(_clean(given.get("alt", ""))), given.get("src", "")
        ours = FILE.match(source)
        if ours and (name := self.pictures.get(UUID(ours[1]))):
            shown = f"<ri:attachment ri:filename={quoteattr(name)}/>"
            self.parts.append(f"<ac:image ac:alt={alternative}>{shown}</ac:image>")
        elif source.startswith(("http://", "https://", "/")):
            address = quoteattr(_clean(_address(source)))
            self.parts.append(f"<ac:image ac:alt={alternative}><ri:url ri:value={address}/></ac:image>")

    def _end_code(self) -> None:
        words = _clean("".join(self.code or [])).replace("]]>", "]]]]><![CDATA[>")
        self.code = None
        body = f"<ac:plain-text-body><![CDATA[{words}]]></ac:plain-text-body>"
        self.parts.append(f'<ac:structured-macro ac:name="code">{body}</ac:structured-macro>')


def _address(address: str) -> str:
    return f"{settings.BASE_URL}{address}" if address.startswith("/") else address


def _clean(text: str) -> str:
    return INVALID.sub("", text)


def _text(text: str) -> str:
    return escape(_clean(text))
