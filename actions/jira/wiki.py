"""Markdown to the wiki markup of Jira Data Center, and back. No word is lost; form is, where the other has none.

Source: "Text Formatting Notation Help" of Jira; captures of real webhooks for how it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from markdown_it.tree import SyntaxTreeNode

from actions.jira.adf import Node, is_safe, parser, to_markdown

RULE = "----"
SPECIAL = re.compile(r"([\\{}\[\]*_+\-^~!|?])")
HEADING = re.compile(r"^h([1-6])\.\s+(.*)$")
CODE = re.compile(r"^\{(code|noformat)(?::([\w+#-]*)[^}]*)?\}(.*)$")
CELL = re.compile(r"(?<!\\)\|\|?(?![^\[\]]*\])")
ITEM = re.compile(r"^([*#-]+)\s+(.*)$")
TOKEN = re.compile(
    r"\\\\"  # a line break
    r"|\\(?P<plain>[^a-zA-Z0-9\s])"
    r"|\{\{(?P<code>.+?)\}\}"
    r"|\[(?:(?P<words>(?:\\.|[^|\]\\])+)\|)?(?P<url>(?:https?|mailto):[^\s|\]]+)\]"
    r"|!(?P<image>https?:[^\s|!]+)(?:\|[^!]*)?!"
    r"|(?<!\w)(?P<mark>[*_+\-])(?!(?P=mark))(?=[*_+\-]{0,2}[^\s*_+\-])(?P<inner>(?:\\.|(?!(?P=mark))[^\\\n])*?(?:\\.|[^\s\\]))(?P=mark)(?!\w)"
)
MARKS = {"*": "strong", "_": "em", "-": "strike", "+": "underline"}


def to_wiki(markdown: str) -> str:
    """The text for Jira Data Center."""
    return "\n\n".join(_blocks(SyntaxTreeNode(parser().parse(markdown.replace("\0", ""))).children))


# -- To wiki markup ----------------------------------------------------------------------------------------------------


def _blocks(nodes: Iterable[SyntaxTreeNode], *, is_quoted: bool = False) -> list[str]:
    return [text for text in (_block(node, is_quoted=is_quoted) for node in nodes) if text.strip()]


def _block(node: SyntaxTreeNode, *, is_quoted: bool = False) -> str:
    """One block. The markup knows no quotation within another or an item: there its words stand by themselves."""
    match node.type:
        case "paragraph":
            return _safe_starts(_inline(node.children))
        case "heading":
            words = _one_line(_inline(node.children))
            return f"h{node.tag[1]}. {words}" if words else ""
        case "bullet_list" | "ordered_list":
            return "\n".join(_items(node, ""))
        case "blockquote":
            quoted = "\n\n".join(_blocks(node.children, is_quoted=True))
            return quoted if is_quoted else f"{{quote}}\n{quoted}\n{{quote}}"
        case "fence" | "code_block":
            return _code(node)
        case "hr":
            return RULE
        case "table":
            return "\n".join(_rows(node))
        case _:
            return _safe_starts(_escaped(node.content.strip()))


def _items(node: SyntaxTreeNode, outer: str) -> Iterator[str]:
    mark = outer + ("*" if node.type == "bullet_list" else "#")
    for item in node.children:
        inner: list[str] = []
        nested: list[str] = []
        for child in item.children:
            if child.type in {"bullet_list", "ordered_list"}:
                nested += _items(child, mark)
            else:
                is_plain = child.type == "paragraph"
                inner.append(_one_line(_inline(child.children) if is_plain else _block(child, is_quoted=True)))
        inner = [
            text for text in inner if text.replace(RULE, "").strip("\\ ")
        ]  # no item holds a rule; a rule has no word
        if inner:
            yield f"{mark} " + " \\\\ ".join(inner)
        yield from nested


def _code(node: SyntaxTreeNode) -> str:
    language = re.sub(r"[^\w+#-]", "", node.info.split()[0]) if node.info.split() else ""
    body = node.content.rstrip("\n").replace("{code", "{ code")
    return f"{{code:{language}}}\n{body}\n{{code}}" if language else f"{{code}}\n{body}\n{{code}}"


def _rows(table: SyntaxTreeNode) -> Iterator[str]:
    for part in table.children:
        for row in part.children:
            cells = [_one_line(_inline(cell.children)) or " " for cell in row.children]
            mark = "||" if part.type == "thead" else "|"
            yield mark + mark.join(f" {cell} " for cell in cells) + mark


def _one_line(text: str) -> str:
    return " ".join(text.split("\n")).strip()


def _safe_starts(text: str) -> str:
    """Lines of a paragraph that would begin something else: a heading, a quotation, an item."""
    return "\n".join(
        re.sub(r"^(h[1-6]|bq)\.(?=\s)", r"\1\\.", re.sub(r"^#", r"\\#", line)) for line in text.split("\n")
    )


def _inline(nodes: Sequence[SyntaxTreeNode]) -> str:
    return "".join(_word(node) for node in nodes)


def _word(node: SyntaxTreeNode) -> str:
    match node.type:
        case "inline":
            return _inline(node.children)
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "strong":
            return _marked("*", node)
        case "em":
            return _marked("_", node)
        case "s":
            return _marked("-", node)
        case "code_inline":
            body = node.content.replace("{", "\\{").replace("}", "\\}")
            return f"{{{{{body}}}}}" if body.strip() else body
        case "link":
            return _link(str(node.attrs.get("href", "")), _inline(node.children))
        case "image":
            return _link(str(node.attrs.get("src", "")), _escaped(node.content))
        case _:
            return _escaped(node.content)


def _marked(mark: str, node: SyntaxTreeNode) -> str:
    inner = _inline(node.children)
    if not inner.strip() or "\n" in inner or _is_within_its_like(node):
        return inner
    lead, tail = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    return f"{lead}{mark}{inner.strip()}{mark}{tail}"


def _is_within_its_like(node: SyntaxTreeNode) -> bool:
    """Bold within bold is bold: marked twice, the outer marks would be words."""
    above = node.parent
    while above is not None and above.type != node.type:
        above = above.parent
    return above is not None


def _link(address: str, words: str) -> str:
    if not is_safe(address) or any(sign in address for sign in "|] \n"):
        return f"{words} ({_escaped(address)})" if address and address not in words else words
    words = words.replace("\n", " ").strip()
    return f"[{words}|{address}]" if words and words != _escaped(address) else f"[{address}]"


def _escaped(text: str) -> str:
    return SPECIAL.sub(r"\\\1", text)


# -- From wiki markup --------------------------------------------------------------------------------------------------


def from_wiki(text: str | None) -> str:
    """Markdown for us. What is not known to it stays as it is written."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return to_markdown({"version": 1, "type": "doc", "content": _nodes(lines)})


def _nodes(lines: Sequence[str]) -> list[Node]:
    found: list[Node] = []
    at = 0
    while at < len(lines):
        at, node = _node(lines, at)
        found += [node] if node else []
    return found


def _node(lines: Sequence[str], at: int) -> tuple[int, Node | None]:
    """Where the next block begins, and the one that begins at line `at`."""
    line = lines[at].strip()
    if not line:
        return at + 1, None
    if opened := CODE.match(line):
        return _code_node(lines, at, opened)
    if line.startswith("{quote}"):
        return _quote_node(lines, at)
    if heading := HEADING.match(line):
        return at + 1, {"type": "heading", "attrs": {"level": int(heading[1])}, "content": _words(heading[2])}
    if line == "----":
        return at + 1, {"type": "rule"}
    if line.startswith("bq. "):
        return at + 1, {"type": "blockquote", "content": [_paragraph([line[4:]])]}
    if ITEM.match(line):
        return _list_node(lines, at)
    if line.startswith("|"):
        return _table_node(lines, at)
    end = at + 1
    while end < len(lines) and lines[end].strip() and not _begins(lines[end].strip()):
        end += 1
    return end, _paragraph([each.strip() for each in lines[at:end]])


def _begins(line: str) -> bool:
    is_block = HEADING.match(line) or ITEM.match(line) or CODE.match(line) or line.startswith(("{quote}", "|", "bq. "))
    return bool(is_block) or line == "----"


def _paragraph(lines: Sequence[str]) -> Node:
    content: list[Node] = []
    for number, line in enumerate(lines):
        content += ([{"type": "hardBreak"}] if number else []) + _words(line)
    return {"type": "paragraph", "content": content}


def _code_node(lines: Sequence[str], at: int, opened: re.Match[str]) -> tuple[int, Node]:
    close = "{" + opened[1] + "}"
    body: list[str] = []
    end = at
    for end, each in enumerate([opened[3], *lines[at + 1 :]], start=at):  # noqa: B007  (where it ended is wanted)
        body.append(each.split(close)[0])
        if close in each:
            break
    text = "\n".join(body).strip("\n")
    attributes = {"language": opened[2]} if opened[2] else {}
    return end + 1, {"type": "codeBlock", "attrs": attributes, "content": [{"type": "text", "text": text}]}


def _quote_node(lines: Sequence[str], at: int) -> tuple[int, Node]:
    inner: list[str] = []
    end = at
    for end, each in enumerate([lines[at].strip().removeprefix("{quote}"), *lines[at + 1 :]], start=at):  # noqa: B007
        inner.append(each.split("{quote}")[0])
        if "{quote}" in each:
            break
    return end + 1, {"type": "blockquote", "content": _nodes(inner)}


def _list_node(lines: Sequence[str], at: int) -> tuple[int, Node]:
    items: list[tuple[str, str]] = []
    while at < len(lines) and (item := ITEM.match(lines[at].strip())):
        if items and item[1][0] != items[0][0][0]:
            break
        items.append((item[1], item[2]))
        at += 1
    return at, _list(items, 1)


def _list(items: Sequence[tuple[str, str]], depth: int) -> Node:
    kind = "orderedList" if items[0][0][depth - 1 : depth] == "#" else "bulletList"
    entries: list[Node] = []
    at = 0
    while at < len(items):
        end = at + 1
        while end < len(items) and len(items[end][0]) > depth:
            end += 1
        nested = items[at + 1 : end]
        content = [_paragraph([items[at][1]])] if len(items[at][0]) <= depth else []
        if not content:
            nested = items[at:end]
        for group in _alike(nested, depth):
            content.append(_list(group, depth + 1))
        entries.append({"type": "listItem", "content": content})
        at = end
    return {"type": kind, "content": entries}


def _alike(items: Sequence[tuple[str, str]], depth: int) -> list[list[tuple[str, str]]]:
    """Neighbours whose mark at this depth is the same."""
    groups: list[list[tuple[str, str]]] = []
    for item in items:
        if groups and groups[-1][0][0][depth : depth + 1] == item[0][depth : depth + 1]:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _table_node(lines: Sequence[str], at: int) -> tuple[int, Node]:
    rows: list[Node] = []
    while at < len(lines) and lines[at].strip().startswith("|"):
        line = lines[at].strip()
        kind = "tableHeader" if line.startswith("||") else "tableCell"
        cells = [cell.strip() for cell in CELL.split(line)[1:]]
        cells = cells[:-1] if len(cells) > 1 and not cells[-1] else cells
        rows.append(
            {"type": "tableRow", "content": [{"type": kind, "content": [_paragraph([cell])]} for cell in cells]}
        )
        at += 1
    return at, {"type": "table", "content": rows}


def _words(text: str, marks: tuple[Node, ...] = ()) -> list[Node]:
    """The words of one line, with what makes them bold, a link and so on."""
    nodes: list[Node] = []
    at = 0
    for found in TOKEN.finditer(text):
        nodes += _plain(text[at : found.start()], marks) + _token(found, marks)
        at = found.end()
    return _joined([*nodes, *_plain(text[at:], marks)])


def _joined(nodes: Iterable[Node]) -> list[Node]:
    """Neighbours with the same marks as one: apart, each gets stars of its own, and stars side by side are words."""
    found: list[Node] = []
    for node in nodes:
        last = found[-1] if found else None
        if last and node["type"] == last["type"] == "text" and node.get("marks") == last.get("marks"):
            found[-1] = {**last, "text": last["text"] + node["text"]}
        else:
            found.append(node)
    return found


def _plain(text: str, marks: Sequence[Node]) -> list[Node]:
    return [{"type": "text", "text": text, **({"marks": list(marks)} if marks else {})}] if text else []


def _token(found: re.Match[str], marks: tuple[Node, ...]) -> list[Node]:
    if found[0] == "\\\\":
        return _plain(" ", marks)
    if found["plain"]:
        return _plain(found["plain"], marks)
    if found["code"]:
        return _plain(found["code"].replace("\\{", "{").replace("\\}", "}"), [{"type": "code"}])
    if address := found["url"] or found["image"]:
        link = {"type": "link", "attrs": {"href": address}}
        return _words(found["words"] or "", (*marks, link)) or _plain(address, [*marks, link])
    return _words(found["inner"], (*marks, {"type": MARKS[found["mark"]]}))
