"""Markdown to Jira's document format and back: always valid, no word lost, and the second time nothing changes."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.jira.adf import to_adf, to_markdown
from tests.reference import REFERENCE

SCHEMA = REFERENCE / "jira" / "adf-full.json"
with_schema = pytest.mark.skipif(not SCHEMA.exists(), reason="Atlassian's schema is not here")


@cache
def validator() -> Any:
    return jsonschema_rs.Draft4Validator(json.loads(SCHEMA.read_text()))


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def said(node: Any) -> str:
    """All words of a document, and the addresses of its links."""
    if isinstance(node, list):
        return " ".join(map(said, node))
    if not isinstance(node, dict):
        return ""
    links = [mark["attrs"]["href"] for mark in node.get("marks", ()) if mark["type"] == "link"]
    return " ".join([str(node.get("text", "")), *links, said(node.get("content"))])


# -- Documents of all kinds --------------------------------------------------------------------------------------------

WORD = st.text(alphabet="abcdefgxyzäöü09", min_size=1, max_size=7)
SENTENCE = st.lists(WORD, min_size=1, max_size=5).map(" ".join)


def marked(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map(lambda s: f"**{s}**"),
        inner.map(lambda s: f"*{s}*"),
        inner.map(lambda s: f"~~{s}~~"),
        WORD.map(lambda s: f"`{s}`"),
        st.tuples(inner, st.sampled_from(["https://a.example/x", "javascript:alert1", "mailto:a@b.example"])).map(
            lambda pair: f"[{pair[0]}]({pair[1]})"
        ),
        WORD.map(lambda s: f"![{s}](https://a.example/i.png)"),
        st.tuples(inner, inner).map(" ".join),
        st.tuples(inner, inner).map("  \n".join),
    )


INLINE = st.recursive(SENTENCE, marked, max_leaves=5).filter(lambda s: "~~~" not in s)  # that would begin code
LEAF = st.one_of(
    INLINE,
    st.tuples(st.integers(1, 6), SENTENCE).map(lambda pair: f"{'#' * pair[0]} {pair[1]}"),
    st.tuples(WORD, SENTENCE).map(lambda pair: f"```{pair[0]}\n{pair[1]}\n```"),
    st.just("---"),
    st.lists(SENTENCE, min_size=2, max_size=2).map(
        lambda c: f"| {c[0]} | {c[1]} |\n| --- | --- |\n| {c[1]} | {c[0]} |"
    ),
    SENTENCE.map(lambda s: f"<b>{s}</b>"),
)


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    blocks = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        blocks.map("\n\n".join).map(lambda s: "\n".join(f"> {line}" for line in s.split("\n"))),
        blocks.map(lambda items: "\n".join("- " + item.replace("\n", "\n  ") for item in items)),
        blocks.map(lambda items: "\n".join("3. " + item.replace("\n", "\n   ") for item in items)),
        blocks.map("\n\n".join),
    )


DOCUMENT = st.recursive(LEAF, nested, max_leaves=12)


@with_schema
@given(DOCUMENT)
def test_every_document_is_valid_for_jira(markdown: str) -> None:
    errors = [str(error.message) for error in validator().iter_errors(to_adf(markdown))]
    assert errors == []


@with_schema
@given(st.text(max_size=400))
def test_any_text_at_all_is_valid_for_jira(text: str) -> None:
    assert validator().is_valid(to_adf(text))


@given(DOCUMENT)
def test_no_word_is_lost_on_the_way_there(markdown: str) -> None:
    prose = re.sub(
        r"^```\w+$", "```", re.sub(r"^(> |- |\s+|\d\. )*", "", markdown, flags=re.MULTILINE), flags=re.MULTILINE
    )
    there = set(words_of(said(to_adf(markdown))))
    assert set(words_of(prose)) - there - {"3", "b"} <= set(re.findall(r"[`~]{3,}(\w+)", markdown))


@given(DOCUMENT)
def test_there_and_back_loses_no_word(markdown: str) -> None:
    there = to_adf(markdown)
    assert set(words_of(said(there))) <= set(words_of(to_markdown(there)))


@given(DOCUMENT)
def test_the_second_time_nothing_changes(markdown: str) -> None:
    once = to_markdown(to_adf(markdown))
    assert to_markdown(to_adf(once)) == once


# -- What is known -----------------------------------------------------------------------------------------------------


def doc(*content: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "type": "doc", "content": list(content)}


def paragraph(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(content)}


def text(words: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": words, **({"marks": list(marks)} if marks else {})}


def test_a_heading_in_a_quotation_becomes_bold_words() -> None:
    [quote] = to_adf("> # Why\n> because")["content"]
    assert quote["content"] == [paragraph(text("Why", {"type": "strong"})), paragraph(text("because"))]


def test_code_carries_no_other_mark_than_a_link() -> None:
    [block] = to_adf("**a `b` c** [`d`](https://x.example)")["content"]
    marks = {node["text"]: [mark["type"] for mark in node.get("marks", ())] for node in block["content"]}
    assert (marks["b"], marks["d"]) == (["code"], ["link", "code"])


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x.example"])
def test_dangerous_links_become_words_both_ways(address: str) -> None:
    assert "link" not in json.dumps(to_adf(f"[here](<{address}>)"))
    back = to_markdown(doc(paragraph(text("here", {"type": "link", "attrs": {"href": address}}))))
    assert back == "here"


def test_what_only_jira_has_keeps_its_words() -> None:
    found = to_markdown(
        doc(
            {"type": "panel", "attrs": {"panelType": "info"}, "content": [paragraph(text("Mind the gap"))]},
            paragraph(
                {"type": "mention", "attrs": {"id": "1", "text": "@Ann"}},
                text(" by "),
                {"type": "date", "attrs": {"timestamp": "1781568000000"}},
                {"type": "inlineCard", "attrs": {"url": "https://x.example/1"}},
            ),
            {
                "type": "taskList",
                "attrs": {"localId": "a"},
                "content": [
                    {"type": "taskItem", "attrs": {"localId": "b", "state": "TODO"}, "content": [text("Look")]}
                ],
            },
            {"type": "expand", "attrs": {"title": "More"}, "content": [paragraph(text("inside"))]},
            {"type": "somethingNew", "content": [paragraph(text("kept"))]},
        )
    )
    assert found == ("> Mind the gap\n\n@Ann by 2026-06-16<https://x.example/1>\n\n- Look\n\nMore\n\ninside\n\nkept")


@pytest.mark.parametrize(
    "words", ["# no heading", "1. no list", "- no list", "> no quote", "a*b*c _d_ [e](f) <g> `h` |"]
)
def test_words_from_jira_stay_words(words: str) -> None:
    back = to_adf(to_markdown(doc(paragraph(text(words)))))
    assert "".join(node["text"] for node in back["content"][0]["content"]) == words
    assert back["content"][0]["type"] == "paragraph"


@pytest.mark.parametrize(
    "broken", [None, {}, {"content": None}, {"content": [1, None, {}]}, {"content": [{"type": 5}]}]
)
def test_what_is_no_document_has_no_words(broken: Any) -> None:
    assert to_markdown(broken) == ""
