"""Markdown to Jira's wiki markup and back: no word lost, and the second time nothing changes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions.jira.wiki import from_wiki, to_wiki
from tests.actions.jira.test_adf import DOCUMENT

MARKUP = {"h1", "h2", "h3", "h4", "h5", "h6", "bq", "code", "quote", "noformat"}
FENCE = re.compile(r"[`~]{3,}(\w+)")


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text))


@pytest.mark.parametrize(
    ("markdown", "wiki"),
    [
        ("# Title", "h1. Title"),
        ("some *em* and **strong** ~~gone~~", "some _em_ and *strong* -gone-"),
        ("call `f(x)`", "call {{f(x)}}"),
        ("[the page](https://a.example/x_y)", "[the page|https://a.example/x_y]"),
        ("- one\n- two\n  1. three", "* one\n* two\n*# three"),
        ("> said", "{quote}\nsaid\n{quote}"),
        ("```py\nx = {1}\n```", "{code:py}\nx = {1}\n{code}"),
        ("| a | b |\n| --- | --- |\n| 1 | 2 |", "|| a || b ||\n| 1 | 2 |"),
        ("2 * 3 [sic] {x}", "2 \\* 3 \\[sic\\] \\{x\\}"),
        ("[run](ftp://a.example)", "run (ftp://a.example)"),
    ],
)
def test_each_form_is_what_jira_writes(markdown: str, wiki: str) -> None:
    assert to_wiki(markdown) == wiki


@pytest.mark.parametrize(
    ("wiki", "markdown"),
    [
        ("h2. Now\nwe see", "## Now\n\nwe see"),
        ("one\ntwo", "one\\\ntwo"),
        ("bq. said", "> said"),
        ("{noformat}\n*x*\n{noformat}", "```\n*x*\n```"),
        ("{color:red}hot{color}", "{color:red}hot{color}"),
        ("see https://a.example/x_y_z", "see https://a.example/x\\_y\\_z"),
        ("# a\n# b", "1. a\n2. b"),
        ("a snake_case_name and 2-3-4", "a snake\\_case\\_name and 2-3-4"),
    ],
)
def test_what_people_write_in_jira_is_understood(wiki: str, markdown: str) -> None:
    assert from_wiki(wiki) == markdown


@example("> - > 0")
@example("> > a")
@example("- > a\n  >\n  > b")
@example("> - a\n>\n>   > b\n>   > - c")
@given(DOCUMENT)
def test_no_word_is_lost_on_the_way(markdown: str) -> None:
    there = to_wiki(markdown)
    numbers_of_lists_and_names_of_languages = {"3", *FENCE.findall(markdown)}
    assert words_of(markdown) - words_of(there) <= numbers_of_lists_and_names_of_languages
    assert words_of(there) - words_of(from_wiki(there)) <= {
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "code",
        "quote",
        *FENCE.findall(markdown),
    }


@example("**[0](javascript:alert1)**")
@example("- - 0\n  - ---")
@example("3. 3. 0\n   3. ---")
@example("- > ---\n  > \n  > ---")
@example("~~[**0**](https://a.example/x)~~")
@example("*****0*****")
@given(DOCUMENT)
def test_the_second_time_nothing_changes(markdown: str) -> None:
    once = from_wiki(to_wiki(markdown))
    assert from_wiki(to_wiki(once)) == once


@given(st.text())
def test_every_text_of_jira_is_some_markdown(text: str) -> None:
    assert words_of(text) - words_of(from_wiki(text)) <= MARKUP
