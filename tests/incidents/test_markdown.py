"""What the one Markdown renderer promises; that no script gets through is in tests/browser/test_markdown_xss.py."""

from __future__ import annotations

import time

import pytest

from incidents.markdown import (
    LONGEST_CODE,
    LONGEST_TEXT,
    Reference,
    reference_keys,
    render,
    render_inline,
    resolve_references,
)

FACTS = {
    "impact-start": Reference("14:02 UTC", "/incidents/1/#incident-times"),
    "person:owner": Reference("Noor *Haddad*", ""),
}


def test_tables_and_their_alignment() -> None:
    html = render("| a | b |\n|:-:|--:|\n| 1 | 2 |")
    assert '<th class="align-center">a</th>' in html
    assert '<td class="align-right">2</td>' in html


def test_task_lists_are_read_aloud_and_hold_no_form_fields() -> None:
    html = render("- [x] rolled back\n- [ ] told customers")
    assert html.count('role="img"') == 2
    assert 'aria-label="Done:"' in html
    assert 'aria-label="To do:"' in html
    assert "<input" not in html


def test_code_is_coloured_by_classes_alone() -> None:
    html = render("```python\nx = '<b>'\n```")
    assert '<span class="s1">&#39;&lt;b&gt;&#39;</span>' in html or "&lt;b&gt;" in html
    assert 'class="n"' in html
    assert "style=" not in html


@pytest.mark.parametrize("language", ["", "no-such-language", "python" * 50, '"><b'])
def test_code_of_an_unknown_language_is_shown_as_it_is(language: str) -> None:
    html = render(f"```{language}\n<i>x</i>\n```")
    assert "&lt;i&gt;x&lt;/i&gt;" in html
    assert "<span" not in html


def test_very_long_code_is_not_coloured() -> None:
    assert "<span" not in render("```python\n" + "x = 1\n" * LONGEST_CODE + "```")


def test_headings_start_below_the_page_own_and_leave_no_level_out() -> None:
    html = render("# One\n\n#### Deep\n\n# Two\n\n# One")
    assert '<h3 id="u-one">One</h3>' in html
    assert '<h4 id="u-deep">Deep</h4>' in html
    assert '<h3 id="u-one-2">One</h3>' in html


def test_a_text_that_begins_with_a_low_heading_starts_at_the_third_level() -> None:
    assert "<h3" in render("### Low\n\n# High")


def test_links_within_a_text_reach_its_headings() -> None:
    html = render("# Root cause\n\n[above](#root-cause) [elsewhere](#main)", prefix="analysis")
    assert '<a href="#u-analysis-root-cause"' in html
    assert '<a href="#main"' in html


def test_footnotes_of_two_texts_do_not_meet() -> None:
    text = "a[^1]\n\n[^1]: note"
    assert 'id="fnu-summary-1"' in render(text, prefix="summary")
    assert 'href="#fnu-detection-1"' in render(text, prefix="detection")


def test_file_names_are_not_taken_for_addresses() -> None:
    html = render("payments.py on db.example and https://status.example/x")
    assert html.count("<a ") == 1


def test_images_from_elsewhere_become_links() -> None:
    html = render("![graph](https://tracker.example/pixel.png)")
    assert "<img" not in html
    assert '<a href="https://tracker.example/pixel.png"' in html
    assert ">graph</a>" in html


def test_uploaded_images_are_shown() -> None:
    html = render("![Error rate](/files/0190a3b0-0000-7000-8000-000000000000/graph.png)")
    assert 'src="/files/0190a3b0-0000-7000-8000-000000000000/graph.png"' in html
    assert 'alt="Error rate"' in html


def test_a_name_shows_the_fact_and_leads_to_it() -> None:
    html = render("It began at {{ impact-start }}, says {{person:owner}}.", FACTS)
    assert '<a class="fact-reference" href="/incidents/1/#incident-times"' in html
    assert "14:02 UTC" in html
    assert '<span class="fact-reference">Noor *Haddad*</span>' in html


def test_an_unknown_name_is_shown_as_it_was_written() -> None:
    assert '<span class="fact-reference is-missing">{{event:9}}</span>' in render("{{event:9}}", FACTS)


def test_a_long_text_follows_its_facts_in_spite_of_the_cache() -> None:
    text = "{{impact-start}} " + "word " * 200
    assert "14:02" in render(text, FACTS)
    assert "15:30" in render(text, {"impact-start": Reference("15:30 UTC", "")})


def test_names_in_code_stay_code() -> None:
    text = "`{{impact-start}}`\n\n```\n{{impact-start}}\n```\n\n{{person:owner}}"
    assert reference_keys(text) == {"person:owner"}
    assert "14:02" not in render(text, FACTS)
    assert resolve_references(text, FACTS) == text.replace("{{person:owner}}", "Noor \\*Haddad\\*")


def test_a_line_holds_no_paragraphs_images_or_footnotes() -> None:
    html = render_inline("**14:02** alert\n![x](https://e.example/i.png)[^1]")
    assert html.startswith("<strong>14:02</strong> alert<br>")
    for tag in ("<p", "<img", "<section"):
        assert tag not in html


@pytest.mark.parametrize("text", ["\x00", "\u202eabc", "👩🏽‍🚒", "\r\n\r", "\ud800", "﷽" * 100, "a\x0b\x0c\x1b[31m"])
def test_odd_characters_are_survived(text: str) -> None:
    assert "\x00" not in render(text)
    assert "\x00" not in render_inline(text * 300)


def test_a_text_beyond_all_measure_is_shown_as_it_is() -> None:
    assert render("*<b>*" + "x" * LONGEST_TEXT).startswith("<pre>*&lt;b&gt;*")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        "`" * 100_000,
        "![[" * 20_000,
        "> " * 5_000,
        "<" * 100_000,
        "{{" * 50_000,
        "**a" * 30_000,
        "~~~\n" * 30_000,
    ],
    ids=["brackets", "ticks", "images", "quotes", "angles", "names", "stars", "fences"],
)
def test_hostile_texts_take_no_more_than_their_share_of_time(text: str) -> None:
    """Ten times what they take here; a quadratic rule takes minutes."""
    started = time.process_time()
    render(text)
    assert time.process_time() - started < 15
