"""What the editor of a section does by itself while somebody writes: its menu, pasted text, files, Markdown by keys."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect

from accounts.models import Team, User
from postmortems.collab import store
from postmortems.models import Participant, Section
from tests.browser.test_live import PASTE, SAVED, chip, editor
from tests.factories.postmortems import EventFactory, IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]
Opened = Callable[..., Page]
MENU_OPENS_MS = 400
BEGIN_AGAIN = """(body) => {
  const [{ editor: { view } }] = document.querySelector("live-document").sections.values();
  const changes = { from: 0, to: view.state.doc.length, insert: body };
  view.dispatch({ changes, selection: { anchor: body.length } });
  view.focus();
}"""


@pytest.fixture
def section(alice: User, team: Team) -> Section:
    incident = IncidentFactory.create(created_by=alice, title="Checkout failed in the EU")
    for text in ("Every alarm rang in the tower", "Headers were cut, a list of codes followed"):
        EventFactory.create(incident=incident, text=text)
    postmortem = PostmortemFactory.create(owner=alice, incident=incident)
    return SectionFactory.create(postmortem=postmortem, title="Root cause", body="", position=1)


@pytest.fixture
def opened(context_of: ContextOf, section: Section, alice: User) -> Opened:
    """Alice on the writing page with this text in the section, the caret at its end; called again, on the same page."""
    pages: list[Page] = []

    def open_page(body: str = "") -> Page:
        if pages:
            pages[0].evaluate(BEGIN_AGAIN, body)
            return pages[0]
        Section.objects.filter(pk=section.pk).update(body=body)
        page = context_of(alice).new_page()
        pages.append(page)
        page.goto(f"/postmortems/{section.postmortem_id}/write/")
        expect(page.locator("live-document[data-ready]")).to_be_visible(timeout=15_000)
        editor(page).click()
        page.keyboard.press("Control+End")
        return page

    return open_page


def written(page: Page, section: Section) -> str:
    """The text of the section once the page says that it is saved."""
    expect(chip(page)).to_have_text(SAVED)
    return store.load(section.postmortem_id).document.text(section.pk)


def back(page: Page, count: int) -> None:
    for _ in range(count):
        page.keyboard.press("ArrowLeft")


# -- The slash menu ----------------------------------------------------------------------------------------------------


PATHS = ["It is in /var/log/app", "and/or", "See /etc", "On a /var", "https://a.example/sev"]


def test_a_path_is_no_command_and_enter_ends_its_line(
    opened: Opened, section: Section, subtests: pytest.Subtests
) -> None:
    for words in PATHS:
        with subtests.test(becomes=words):
            page = opened()
            page.keyboard.type(words)
            page.wait_for_timeout(MENU_OPENS_MS)
            page.keyboard.press("Enter")
            page.keyboard.type("Next.")
            assert written(page, section) == f"{words}\nNext."


IN_CODE = [
    ("```\n\n```", "/sev"),
    ("```\nrm -r \n```", "/sev"),
    ("```\n\n```", "@bo"),
    ("Run `rm `", "/sev"),
    ("Run `rm ", "/sev"),
]


def test_code_has_no_menu(opened: Opened, section: Section, subtests: pytest.Subtests) -> None:
    for before, typed in IN_CODE:
        with subtests.test(becomes=typed):
            page = opened(before)
            closing = before[3:].find("```") > -1
            back(page, 4 if closing else int(before.endswith("`")))
            page.keyboard.type(typed)
            page.wait_for_timeout(MENU_OPENS_MS)
            assert page.get_by_role("listbox").count() == 0
            assert typed in written(page, section)


def test_the_menu_stays_away_in_front_of_a_word(opened: Opened, section: Section) -> None:
    page = opened("severity")
    page.keyboard.press("Home")
    page.keyboard.type("/sev")
    page.wait_for_timeout(MENU_OPENS_MS)
    assert page.get_by_role("listbox").count() == 0


def test_the_menu_shows_what_has_a_word_that_begins_so(opened: Opened) -> None:
    page = opened()
    page.keyboard.type("/lo")
    page.wait_for_timeout(MENU_OPENS_MS)
    assert page.get_by_role("option").count() == 0
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    page.keyboard.type("tow")
    expect(page.get_by_role("option")).to_have_text([re.compile("Every alarm rang in the tower$")])
    expect(page.locator(".cm-completionMatchedText")).to_have_text("tow")


COMMANDS = [("/head", "### A"), ("/list", "- A"), ("/code", "```\nA\n```"), ("/quo", "> A"), ("/check", "- [ ] A")]


def test_commands_come_before_all_else_that_begins_so(
    opened: Opened, section: Section, subtests: pytest.Subtests
) -> None:
    for typed, becomes in COMMANDS:
        with subtests.test(becomes=becomes):
            page = opened()
            page.keyboard.type(typed)
            expect(page.get_by_role("option", selected=True)).to_be_visible()
            page.wait_for_timeout(100)
            page.keyboard.press("Enter")
            page.keyboard.type("A")
            assert written(page, section) == becomes


TABLE = "| What | When |\n| --- | --- |\n|  |  |"


BLOCKS = [
    ("Some words", " /head", "", "Some words\n\n### A"),
    ("Some words", " /head", " and more", "Some words\n\n### A\n\nand more"),
    ("", "/head", " Title", "### ATitle"),
    ("Some words", " /code", " and more", "Some words\n\n```\nA\n```\n\nand more"),
    ("- one", " /bul", "", "- one\n- A"),
    ("- ", "/check", "", "- [ ] A"),
    ("- one\n- ", "/code", "", "- one\n```\nA\n```"),
    ("> ", "/code", "", "> ```\n> A\n> ```"),
    ("Some words", " /table", "\nMore", f"Some words\n\n{TABLE.replace('What', 'A')}\n\nMore"),
]


def test_a_block_stands_on_a_line_of_its_own(opened: Opened, section: Section, subtests: pytest.Subtests) -> None:
    for before, typed, after, becomes in BLOCKS:
        with subtests.test(becomes=becomes):
            page = opened(before + after)
            back(page, len(after))
            page.keyboard.type(typed)
            expect(page.get_by_role("option", selected=True)).to_be_visible()
            page.wait_for_timeout(100)
            page.keyboard.press("Enter")
            if "table" in typed:
                page.keyboard.press("Shift+Control+ArrowRight")
            page.keyboard.type("A")
            assert written(page, section) == becomes


def test_a_table_offers_no_blocks(opened: Opened) -> None:
    page = opened("| a | b |\n| --- | --- |\n| c |  |")
    back(page, 2)
    page.keyboard.type("/t")
    expect(page.get_by_role("option").first).to_be_visible()
    expect(page.get_by_role("option", name="Table")).to_have_count(0)


# -- The caret ---------------------------------------------------------------------------------------------------------


CARET = """() => {
  const [{ editor: { view } }] = document.querySelector("live-document").sections.values();
  const { top, bottom } = view.coordsAtPos(view.state.selection.main.head);
  const edge = (name) => document.querySelector(name).getBoundingClientRect();
  const rail = getComputedStyle(document.querySelector(".rail")).position === "fixed" ? edge(".rail").top : innerHeight;
  return [Math.round(top - edge(".live-bar").bottom), Math.round(rail - bottom)];
}"""


def test_the_caret_stays_clear_of_the_bars(opened: Opened, section: Section, subtests: pytest.Subtests) -> None:
    page = opened("\n".join(f"Line {n}" for n in range(60)))
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 600})
        for key, times in (("Control+End", 1), ("ArrowUp", 45), ("ArrowDown", 40), ("Control+Home", 1)):
            with subtests.test(width=width, key=key):
                for _ in range(times):
                    page.keyboard.press(key)
                page.wait_for_timeout(100)
                below, above = page.evaluate(CARET)
                assert below >= 0
                assert above >= 0


# -- Files -------------------------------------------------------------------------------------------------------------

PASTE_FILES = """(files) => {
    const data = new DataTransfer();
    for (const [name, bytes] of files) {
        const content = Uint8Array.from(atob(bytes), (each) => each.charCodeAt());
        data.items.add(new File([content], name, {type: "image/png"}));
    }
    const paste = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
    document.activeElement.dispatchEvent(paste);
}"""


def paste_images(page: Page, *names: str) -> list[Route]:
    """Paste pictures by these names; what is sent waits in the answer until it is let go."""
    held: list[Route] = []
    page.route(re.compile(r"/files/$"), lambda route: held.append(route))
    drawn = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(drawn, "PNG")
    page.evaluate(PASTE_FILES, [[name, base64.b64encode(drawn.getvalue()).decode()] for name in names])
    wait_for(page, lambda: len(held) == 1)
    return held


def wait_for(page: Page, is_so: Callable[[], bool]) -> None:
    for _ in range(100):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("It did not happen within five seconds.")


def without_addresses(text: str) -> str:
    return re.sub(r"\(/files/[^)]+\)", "()", text)


def test_an_image_takes_its_place_however_much_is_written_meanwhile(
    opened: Opened, context_of: ContextOf, section: Section, bob: User
) -> None:
    page = opened("Before ")
    other = context_of(bob).new_page()
    Participant.objects.create(postmortem=section.postmortem, user=bob, role="contributor")
    other.goto(page.url)
    expect(other.locator("live-document[data-ready]")).to_be_visible(timeout=15_000)
    held = paste_images(page, "graph.png")
    expect(page.locator(".sending-file")).to_have_text("Sending graph.png…")
    page.keyboard.type("and after")
    expect(editor(other)).to_have_text("Before and after")
    editor(other).click()
    other.keyboard.press("Control+Home")
    other.keyboard.type("Note: ")
    expect(editor(page)).to_have_text("Note: Before Sending graph.png…and after")
    held[0].continue_()
    expect(page.locator(".sending-file")).to_have_count(0)
    page.keyboard.type(", again")
    assert without_addresses(written(page, section)) == "Note: Before ![graph.png]()and after, again"
    for left in ("Note: Before ![graph.png]()and after", "Note: Before and after", "Note: Before "):
        page.keyboard.press("Control+z")
        assert without_addresses(written(page, section)) == left
    page.keyboard.press("Control+Shift+Z")
    page.keyboard.press("Control+Shift+Z")
    assert without_addresses(written(page, section)) == "Note: Before ![graph.png]()and after"


def test_images_keep_their_order_and_the_caret_stays_behind_them(opened: Opened, section: Section) -> None:
    page = opened("See: ")
    held = paste_images(page, "one.png", "two.png")
    expect(page.locator(".sending-file")).to_have_text(["Sending one.png…", "Sending two.png…"])
    held[0].continue_()
    wait_for(page, lambda: len(held) == 2)
    page.keyboard.type("these")
    held[1].continue_()
    expect(page.locator(".sending-file")).to_have_count(0)
    page.keyboard.type(".")
    assert without_addresses(written(page, section)) == "See: ![one.png]()![two.png]()these."


def test_an_image_that_was_not_sent_leaves_no_trace_and_this_is_said(opened: Opened, section: Section) -> None:
    page = opened("Before ")
    held = paste_images(page, "graph.png")
    page.keyboard.type("and after")
    held[0].abort()
    expect(page.locator(".toast-error")).to_contain_text("graph.png was not sent: Debrief cannot be reached")
    expect(page.locator(".sending-file")).to_have_count(0)
    assert written(page, section) == "Before and after"


# -- The preview -------------------------------------------------------------------------------------------------------


def test_without_a_connection_the_preview_says_so_and_is_drawn_once_it_is_back(opened: Opened) -> None:
    page = opened("A **bold** word.")
    page.context.set_offline(True)
    expect(chip(page)).to_contain_text("Offline")
    page.get_by_role("button", name="Side by side").click()
    notice = page.locator(".live-preview").get_by_text("There is no connection.")
    expect(notice).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator(".live-preview strong")).to_have_text("bold")
    expect(notice).to_have_count(0)


def test_a_preview_whose_request_is_lost_is_asked_for_again(opened: Opened) -> None:
    page = opened("A **bold** word.")
    page.route(re.compile("/preview/"), lambda route: route.abort(), times=1)
    page.get_by_role("button", name="Side by side").click()
    notice = page.locator(".live-preview").get_by_text("There is no connection.")
    expect(notice).to_be_visible()
    expect(page.locator(".live-preview strong")).to_have_text("bold")
    expect(notice).to_have_count(0)
    expect(page.locator(".toast-error")).to_have_count(0)


def test_what_is_typed_while_the_preview_is_drawn_is_drawn_next(opened: Opened) -> None:
    page = opened("A **bold** word.")
    held: list[Route] = []
    page.route(re.compile("/preview/"), lambda route: held.append(route), times=1)
    page.get_by_role("button", name="Side by side").click()
    wait_for(page, lambda: len(held) == 1)
    editor(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" And *more*.")
    page.wait_for_timeout(700)
    held[0].continue_()
    expect(page.locator(".live-preview em")).to_have_text("more")


BOXES = """() => [".live-text", ".coach-notes", ".live-preview"].map(
  (name) => document.querySelector(name).getBoundingClientRect().toJSON(),
)"""


def test_side_by_side_is_what_it_says_and_on_a_phone_one_below_the_other(opened: Opened) -> None:
    page = opened("The **pool** ran dry because the operator was careless.")
    expect(page.locator(".coach-note").first).to_be_attached()
    page.get_by_role("button", name="Side by side").click()
    expect(page.locator(".live-preview strong")).to_have_text("pool")
    text, notes, preview = page.evaluate(BOXES)
    assert (text["top"], text["bottom"]) == (preview["top"], notes["top"])
    assert text["right"] < preview["left"]
    assert notes["left"] == text["left"]
    page.set_viewport_size({"width": 390, "height": 844})
    text, notes, preview = page.evaluate(BOXES)
    assert text["bottom"] <= notes["top"] <= notes["bottom"] <= preview["top"]
    assert text["left"] == preview["left"]


# -- Pasted text -------------------------------------------------------------------------------------------------------


def span(text: str, style: str = "font-weight:400;font-style:normal;text-decoration:none") -> str:
    """As Google Docs writes it: every run of characters with all that is to be known of it."""
    return f'<span style="font-size:11pt;white-space:pre-wrap;{style};vertical-align:baseline">{text}</span>'


GOOGLE_DOCS = f"""<meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-4c1e">
<h2 dir="ltr">{span("Causes", "font-weight:700;font-style:normal")}</h2>
<p dir="ltr">{span("The ")}{span("pool ", "font-weight:700;font-style:normal")}{span("ran ")}{
    span("dry", "font-weight:400;font-style:italic")
}{span(" and ")}{span("a", "font-weight:700")}{span("b", "font-weight:700;font-style:italic")}{span(".")}</p><br />
<p dir="ltr">{span("Nobody saw it.")}</p>
<ul><li dir="ltr"><p dir="ltr" role="presentation">{span("one")}</p></li>
<ul><li dir="ltr"><p dir="ltr" role="presentation">{span("two")}</p></li></ul></ul>
<ul><li role="checkbox" aria-checked="true"><img alt="checked" src="data:image/png;base64,"><p>{
    span("done", "text-decoration:line-through")
}</p></li>
<li role="checkbox" aria-checked="false"><img alt="unchecked" src="data:image/png;base64,"><p>{
    span("open")
}</p></li></ul>
<div><table><colgroup><col /><col /></colgroup><tbody>
<tr><td><p>{span("What")}</p></td><td><p>{span("When")}</p></td></tr>
<tr><td><p>{span("a|b")}</p><p>{span("c")}</p></td><td><ul><li><p>{span("noon")}</p></li></ul></td></tr>
</tbody></table></div></b>"""
FROM_GOOGLE_DOCS = """## Causes

The **pool** ran *dry* and **a*b***.

Nobody saw it.

-   one
    -   two

-   [x] done
-   [ ] open

| What | When |
| --- | --- |
| a\\|b c | • noon |"""


TABLE_WITHOUT_HEADINGS = "<table><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table>"
TABLE_WITH_SPANS = """<table><tr><td colspan="2">a</td></tr>
<tr><td rowspan="2">1</td><td>2</td></tr><tr><td>3<br>4</td></tr></table>"""
TABLE_OF_BLOCKS = """<table><tr><th style="text-align: start">a</th></tr>
<tr><td><h3>1</h3><ul><li>x</li></ul></td></tr></table>"""
TASKS = """<ul><li class="task-list-item"><input type="checkbox" checked disabled> one</li>
<li><label><input type="checkbox"> two</label></li></ul>"""


SLACK = """<pre class="c-mrkdwn__pre"><div>one<br aria-hidden="true">  two</div></pre>"""
GITHUB = """<div class="highlight"><pre><span class="pl-k">one</span>\n  two\n</pre></div>"""
VS_CODE = """<div style="color:#ccc;font-family:Consolas, monospace;white-space: pre;"><div><span>one</span></div>
<div><span>  two</span></div></div>""".replace("\n", "")


def item_of_word(text: str, sign: str, level: int) -> str:
    return f"""<p class=MsoListParagraphCxSpMiddle style='text-indent:-.25in;mso-list:l0 level{level} lfo1'>
<![if !supportLists]><span style='font-family:Symbol'><span style='mso-list:Ignore'>{sign}<span
style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;</span></span></span><![endif]>{text}<o:p></o:p></p>"""


WORD = "<p class=MsoNormal>Causes</p>" + "".join(
    item_of_word(*each) for each in [("one", "·", 1), ("two", "o", 2), ("three", "·", 1), ("four", "1.", 1)]
)
WORD_WITHOUT_STYLES = "<p class=MsoListParagraph>·&nbsp; one</p><p class=MsoListParagraph>o&nbsp; two</p>"


SHOWN = [
    (SLACK, "```\none\n  two\n```"),
    (GITHUB, "```\none\n  two\n```"),
    (VS_CODE, "```\none\n  two\n```"),
    (WORD, "Causes\n\n-   one\n    -   two\n-   three\n\n1.  four"),
    (WORD_WITHOUT_STYLES, "-   one\n-   two"),
    (GOOGLE_DOCS, FROM_GOOGLE_DOCS),
    (f'<b style="font-weight:normal" id="docs-internal-guid-1"><p>{span("some_words")}</p></b>', "plain"),
    (TABLE_WITHOUT_HEADINGS, "| a   | b   |\n| --- | --- |\n| 1   | 2   |"),
    (TABLE_WITH_SPANS, "| a   |     |\n| --- | --- |\n| 1   | 2   |\n|     | 3 4 |"),
    (TABLE_OF_BLOCKS, "| a   |\n| --- |\n| 1 • x |"),
    (TASKS, "-   [x] one\n-   [ ] two"),
    ("<p>It <del>was</del> <s>is</s> <strike>will be</strike> so</p>", "It ~~was~~ ~~is~~ ~~will be~~ so"),
    ("<p>one<br>two <b>three</b></p>", "one  \ntwo **three**"),
]


def test_what_others_show_is_pasted_as_markdown(opened: Opened, section: Section, subtests: pytest.Subtests) -> None:
    reported: list[str] = []
    for html, markdown in SHOWN:
        with subtests.test(becomes=markdown):
            page = opened()
            if not reported:
                page.on("console", lambda message: reported.append(f"{message.type}: {message.text}"))
                page.evaluate("console.info('begun')")
            page.evaluate(PASTE, {"text/html": html, "text/plain": "plain"})
            assert written(page, section) == markdown
    assert reported == ["info: begun"]


LIST = ("<ul><li>one</li><li>two</li></ul>", "-   one\n-   two")
HEADING = ("<h3>Why</h3>", "### Why")
CODE = ("<pre>rm</pre>", "```\nrm\n```")
GRID = (TABLE_WITHOUT_HEADINGS, "| a   | b   |\n| --- | --- |\n| 1   | 2   |")
ENDS_IN_LIST = ("<p>so:</p><ul><li>one</li></ul>", "so:\n\n-   one")


PASTED_IN = [
    ("It ", LIST, "broke", "It\n\n{}\n\nbroke"),
    ("", HEADING, "It broke", "{}\n\nIt broke"),
    ("It ", CODE, "", "It\n\n{}"),
    ("- ", LIST, "", "{}"),
    ("- zero", LIST, "", "- zero\n{}"),
    ("- zero\n- ", GRID, "", "- zero\n\n{}"),
    ("> It ", LIST, "", "> It\n> \n> -   one\n> -   two"),
    ("> ", GRID, "", "> | a   | b   |\n> | --- | --- |\n> | 1   | 2   |"),
    ("It ", ENDS_IN_LIST, " broke", "It {}\n\nbroke"),
    ("It ", ("<p><b>all</b></p>", "**all**"), " broke", "It {} broke"),
    ("It ", ("", "- one\n- two"), " broke", "It\n\n{}\n\nbroke"),
    ("It ", ("", "- one"), " broke", "It {} broke"),
]


def test_a_block_is_pasted_onto_lines_of_its_own(opened: Opened, section: Section, subtests: pytest.Subtests) -> None:
    for before, (html, markdown), after, becomes in PASTED_IN:
        with subtests.test(becomes=becomes):
            page = opened(before + after)
            back(page, len(after))
            page.evaluate(PASTE, {"text/html": html, "text/plain": "plain" if html else markdown})
            assert written(page, section) == becomes.format(markdown)


PIECES = {"text/html": "<p>one <b>two</b></p><p>x|y</p>", "text/plain": "one two\nx|y"}
CELLS = "| a | b |\n| --- | --- |\n| c |  |"


TAKEN_AS_TEXT = [
    ("```\n\n```", 4, "```\none two\nx|y\n```"),
    ("    indented", 0, "    indentedone two\n    x|y"),
    ("> ```\n> \n> ```", 6, "> ```\n> one two\n> x|y\n> ```"),
    ("- ```\n    deep\n  ```", 6, "- ```\n    deepone two\n  x|y\n  ```"),
    ("Run `rm `", 1, "Run `rm one two\nx|y`"),
    (CELLS, 2, CELLS.replace("|  |", "| one two x\\|y |")),
    (CELLS, 6, CELLS.replace("| c |", "| one two x\\|yc |")),
    (CELLS, 0, f"{CELLS}one **two**\n\nx|y"),
    ("Run `rm`", 0, "Run `rm`one **two**\n\nx|y"),
]


def test_code_and_cells_take_plain_text(opened: Opened, section: Section, subtests: pytest.Subtests) -> None:
    for body, steps_back, becomes in TAKEN_AS_TEXT:
        with subtests.test(becomes=becomes):
            page = opened(body)
            back(page, steps_back)
            page.evaluate(PASTE, PIECES)
            assert written(page, section) == becomes


def test_every_line_that_is_pasted_into_a_quote_is_of_it(opened: Opened, section: Section) -> None:
    page = opened("> said: ")
    page.evaluate(PASTE, {"text/plain": "one\r\n\r\ntwo"})
    page.evaluate(PASTE, PIECES)
    assert written(page, section) == "> said: one\n> \n> twoone **two**\n> \n> x|y"


def test_a_cell_takes_lines_without_html_too(opened: Opened, section: Section) -> None:
    page = opened(CELLS)
    back(page, 2)
    page.evaluate(PASTE, {"text/plain": "\none\r\n\ttwo\n"})
    assert written(page, section) == CELLS.replace("|  |", "| one two |")


ADDRESS = "https://example.org/graph"


ADDRESSED = [
    ("The pool", 4, 4, f"The [pool]({ADDRESS})"),
    ("https://old.example/a", 0, 21, ADDRESS),
    ("See www.old.example/a.", 4, 17, f"See {ADDRESS}."),
    ("See https://old.example/a.", 12, 3, f"See https://{ADDRESS}.example/a."),
    ("See [it](https://old.example).", 4, 25, f"See {ADDRESS}."),
    ("See [it](https://old.example).", 5, 2, f"See [{ADDRESS}](https://old.example)."),
    ("See [it](https://old.example).", 9, 19, f"See [it]({ADDRESS})."),
    ("See it [it](https://old.example).", 4, 6, f"See {ADDRESS}](https://old.example)."),
    ("See [it].", 5, 2, f"See [[it]({ADDRESS})]."),
    ("Run `curl here`", 10, 4, f"Run `curl {ADDRESS}`"),
    ("```\nhere\n```", 4, 4, f"```\n{ADDRESS}\n```"),
    ("one\ntwo", 0, 7, ADDRESS),
    ("| a |\n| --- |\n| c |", 16, 1, f"| a |\n| --- |\n| [c]({ADDRESS}) |"),
]


def test_an_address_links_words_and_takes_the_place_of_all_else(
    opened: Opened, section: Section, subtests: pytest.Subtests
) -> None:
    for body, first, count, becomes in ADDRESSED:
        with subtests.test(becomes=becomes):
            page = opened(body)
            choose(page, first, count)
            page.evaluate(PASTE, {"text/html": f'<a href="{ADDRESS}">{ADDRESS}</a>', "text/plain": ADDRESS})
            assert written(page, section) == becomes


def choose(page: Page, first: int, count: int) -> None:
    """Select so many characters after the first ones, by keys."""
    page.keyboard.press("Control+Home")
    for _ in range(first):
        page.keyboard.press("ArrowRight")
    for _ in range(count):
        page.keyboard.press("Shift+ArrowRight")


# -- Lists -------------------------------------------------------------------------------------------------------------


ENDED = [
    ("- one", "", "- one\n\nThen"),
    ("- one\n- two", "", "- one\n- two\n\nThen"),
    ("- one\n\n- two", "", "- one\n\n- two\n\nThen"),
    ("1. one\n2. two", "\n3. three", "1. one\n2. two\n\nThen\n\n3. three"),
    ("- [x] one", "", "- [x] one\n\nThen"),
    ("> - one", "", "> - one\n> \n> Then"),
    ("- one\n  - two", "", "- one\n  - two\n- Then"),
]


def test_enter_on_an_empty_item_ends_its_list(opened: Opened, section: Section, subtests: pytest.Subtests) -> None:
    for before, after, becomes in ENDED:
        with subtests.test(becomes=becomes):
            page = opened(before + after)
            back(page, len(after))
            page.keyboard.type("\n\nThen")
            assert written(page, section) == becomes


NESTED = [
    ("- one\n- two", "Tab", "- one\n  - two"),
    ("- one\n- ", "Tab", "- one\n  - "),
    ("1. one\n2. two", "Tab", "1. one\n   1. two"),
    ("1. one\n   1. two\n2. three", "Tab", "1. one\n   1. two\n   2. three"),
    ("-   one\n-   two", "Tab", "-   one\n    -   two"),
    ("- [x] one\n- [ ] two", "Tab", "- [x] one\n  - [ ] two"),
    ("> - one\n> - two", "Tab", "> - one\n>   - two"),
    ("- one", "Tab", "- one"),
    ("- one\n  - two", "Shift+Tab", "- one\n- two"),
    ("1. one\n   - two", "Shift+Tab", "1. one\n2. two"),
    ("1. one\n   - two\n     more", "Shift+Tab", "1. one\n2. two\n  more"),
]


def test_tab_nests_an_item_of_a_list(opened: Opened, section: Section, subtests: pytest.Subtests) -> None:
    for before, key, becomes in NESTED:
        with subtests.test(becomes=becomes):
            page = opened(before)
            page.keyboard.press(key)
            expect(editor(page)).to_be_focused()
            assert written(page, section) == becomes


def test_tab_takes_what_is_chosen_and_else_leaves_the_editor(opened: Opened, section: Section) -> None:
    page = opened("- one\n- ")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(editor(page)).not_to_be_focused()
    page = opened("Some words ")
    page.keyboard.type("/head")
    expect(page.get_by_role("option", selected=True)).to_be_visible()
    page.wait_for_timeout(100)
    page.keyboard.press("Tab")
    assert written(page, section) == "Some words\n\n### "
    page.keyboard.press("Tab")
    expect(editor(page)).not_to_be_focused()


def test_enter_in_the_last_cell_leaves_the_table(opened: Opened, section: Section) -> None:
    page = opened("| a | b |\n| --- | --- |\n| c | d |")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("\nThen")
    assert written(page, section) == "| a | b |\n| --- | --- |\n| c | d |\n\nThen"
    page = opened("| a | b |\n| --- | --- |\n| c | d |")
    page.keyboard.type("\n| e | f |")
    assert written(page, section) == "| a | b |\n| --- | --- |\n| c | d |\n| e | f |"


# -- Links -------------------------------------------------------------------------------------------------------------


LINKED = [
    ("a word", 2, 4, "a [word](X)"),
    ("a ", 2, 0, "a [X](https://)"),
    ("### Title", 0, 9, "### [Title](X)"),
    ("one\n\ntwo", 0, 8, "X"),
    ("- one\n- two", 0, 11, "X"),
    ("a [word](https://a.example)", 3, 4, "a [word](X)"),
    ("a [word](https://a.example)", 5, 0, "a [word](X)"),
    ("a https://a.example", 5, 0, "a X"),
]


def test_a_key_links_words_of_one_block_or_goes_to_their_address(
    opened: Opened, section: Section, subtests: pytest.Subtests
) -> None:
    for body, first, count, becomes in LINKED:
        with subtests.test(body=body, becomes=becomes):
            page = opened(body)
            choose(page, first, count)
            page.keyboard.press("Control+k")
            page.keyboard.type("X")
            assert written(page, section) == becomes


# -- Keys --------------------------------------------------------------------------------------------------------------


def test_the_keys_of_the_editor_are_in_the_list_of_shortcuts(opened: Opened) -> None:
    page = opened()
    page.locator("h1").click()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    for key in ("Bold", "Leave the text", "Send a comment"):
        expect(dialog.get_by_text(key)).to_be_visible()


# -- Undoing -----------------------------------------------------------------------------------------------------------


def test_undo_goes_by_lines_pastes_insertions_and_marks(opened: Opened, section: Section) -> None:
    page = opened()
    page.keyboard.type("It ")
    page.evaluate(PASTE, {"text/html": "<b>broke</b>", "text/plain": "broke"})
    page.keyboard.type(" at noon.\nThen /head")
    expect(page.get_by_role("option", selected=True)).to_be_visible()
    page.wait_for_timeout(100)
    page.keyboard.press("Enter")
    page.keyboard.type("a")
    page.keyboard.press("Control+b")
    page.keyboard.type("b")
    lines = ["It", "It **broke**", "It **broke** at noon.", "It **broke** at noon.\nThen /head"]
    heading = "It **broke** at noon.\nThen\n\n### "
    steps = ["", *lines, heading, f"{heading}a", f"{heading}a****", f"{heading}a**b**"]
    for becomes in reversed(steps):
        assert written(page, section).rstrip() == becomes.rstrip()
        page.keyboard.press("Control+z")


# -- Bold and italic ---------------------------------------------------------------------------------------------------


STEPPED_OVER = [
    (["Control+b", "x", "Control+b", " y"], "**x** y"),
    (["Control+i", "x", "Control+i", " y"], "*x* y"),
    (["Control+e", "x", "Control+e", " y"], "`x` y"),
    (["Control+b", "x ", "Control+b", "y"], "**x** y"),
    (["Control+b", "Control+i", "x", "Control+i", "y", "Control+b", "z"], "***x*y**z"),
    (["Control+b", "Control+i", "x", "Control+b", "y", "Control+i", "z"], "***x**y*z"),
    (["Control+b", "x", "Control+i", "y", "Control+i", "z", "Control+b", "."], "**x*y*z**."),
    (["Control+b", "Control+b", "x"], "x"),
    (["Control+b", "Control+i", "Control+i", "x"], "**x**"),
    (["Control+b", "x", "Control+b", " ", "Control+b", "y"], "**x** **y**"),
    (["2 ** 3 ", "Control+b", "x", "Control+b", "."], "2 ** 3 **x**."),
]


def test_a_key_steps_over_the_mark_that_it_wrote(opened: Opened, section: Section, subtests: pytest.Subtests) -> None:
    for keys, becomes in STEPPED_OVER:
        with subtests.test(becomes=becomes):
            page = opened()
            for each in keys:
                if each.startswith("Control"):
                    page.keyboard.press(each)
                else:
                    page.keyboard.type(each)
            assert written(page, section) == becomes


MARKED = [
    ("a **x** b", 4, 1, "i", "a ***x*** b"),
    ("a ***x*** b", 5, 1, "i", "a **x** b"),
    ("a ***x*** b", 5, 1, "b", "a *x* b"),
    ("a *x* b", 3, 1, "b", "a ***x*** b"),
    ("a **x** b", 4, 1, "b", "a x b"),
    ("a **x** b", 2, 5, "b", "a x b"),
    ("a **x** b", 2, 5, "i", "a ***x*** b"),
    ("a x  b", 2, 2, "b", "a **x**  b"),
    ("one\n\ntwo", 0, 8, "b", "**one**\n\n**two**"),
    ("**one**\n\ntwo", 0, 12, "b", "**one**\n\n**two**"),
    ("**one**\n\n**two**", 0, 16, "b", "one\n\ntwo"),
    ("one\ntwo", 0, 7, "i", "*one\ntwo*"),
    (
        "- one\n  - two\n- [ ] three\n\n### four",
        0,
        38,
        "b",
        "- **one**\n  - **two**\n- [ ] **three**\n\n### **four**",
    ),
    (
        "> one\n\n```\nrm\n```\n\n| a |\n| --- |\n| b |",
        0,
        50,
        "i",
        "> *one*\n\n```\nrm\n```\n\n| *a* |\n| --- |\n| *b* |",
    ),
    ("one two\n\nthree four", 4, 10, "b", "one **two**\n\n**three** four"),
]


def test_a_key_marks_each_block_and_takes_off_its_own_marks_only(
    opened: Opened, section: Section, subtests: pytest.Subtests
) -> None:
    for body, first, count, key, becomes in MARKED:
        with subtests.test(becomes=becomes):
            page = opened(body)
            choose(page, first, count)
            page.keyboard.press(f"Control+{key}")
            assert written(page, section) == becomes
            page.keyboard.press(f"Control+{key}")
            page.keyboard.press(f"Control+{key}")
            assert written(page, section) == becomes
