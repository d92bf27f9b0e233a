"""The document in Confluence's storage format: well formed, whatever it says, and with all its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from incidents.markdown import render
from postmortems.export.confluence import storage_of
from postmortems.models import Postmortem, Section

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
AC, RI = "{ac}", "{ri}"
PIECES = [
    "a",
    "**",
    "`",
    "```\n",
    "]]>",
    "<b>",
    "</p>",
    "&",
    "|",
    "\n",
    "- ",
    "# ",
    "[x](https://e.org/?a=1&b=2)",
    "![i](/files/x)",
    "\x0b",
    "<",
]


def parsed(storage: str) -> ET.Element:
    return ET.fromstring(f'<root xmlns:ac="ac" xmlns:ri="ri">{storage}</root>')  # noqa: S314  (our own)


def test_what_people_wrote_arrives() -> None:
    text = "## Why\n\nThe **pool** ran dry:\n\n- one\n- two\n\n```sql\nSELECT 1 WHERE a ]]> b;\n```\n\n[status](https://e.org/?a=1&b=2)"
    root = parsed(storage_of(str(render(text, {}, prefix="x"))))
    words = " ".join("".join(root.itertext()).split())
    assert "The pool ran dry:" in words
    assert [each.text for each in root.iter("li")] == ["one", "two"]
    macro = next(root.iter(f"{AC}structured-macro"))
    assert (macro.get(f"{AC}name"), "SELECT 1 WHERE a ]]> b;" in "".join(macro.itertext())) == ("code", True)
    assert next(root.iter("a")).get("href") == "https://e.org/?a=1&b=2"


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_markdown_becomes_well_formed(text: str) -> None:
    parsed(storage_of(str(render(text, {}, prefix="x"))))


@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<pre>", "</pre>", "<svg>", "</svg>", "<br>", "<img src=/x>", "x", "<td>", "]]>"]
        ),
        max_size=25,
    ).map("".join)
)
def test_html_that_does_not_nest_becomes_well_formed(html: str) -> None:
    parsed(storage_of(html))


def test_the_whole_document_is_one_file(as_user: As, alice: User, postmortem: Postmortem, section: Section) -> None:
    Section.objects.filter(pk=section.pk).update(body="The pool & its limit <ran> dry.")
    for position, kind in enumerate(("timeline", "whys", "factors", "lessons", "actions"), start=5):
        Section.objects.create(postmortem=postmortem, position=position, title=kind.title(), kind=kind)
    answer: Any = as_user(alice).get(f"/postmortems/{postmortem.pk}/export.confluence.xml")
    root = parsed(answer.content.decode())
    assert "Root cause analysis" in [each.text for each in root.iter("h2")]
    assert "The pool & its limit" in "".join(root.itertext())
    assert answer["Content-Disposition"].endswith('.confluence.xml"')
