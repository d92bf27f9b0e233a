"""The coach over sentences with labels, over hostile text, and by its own examples."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postmortems.coach import clarity, timeline
from postmortems.coach.actions import ActionFacts, check_actions
from postmortems.coach.ends import next_why
from postmortems.coach.lessons import check_lesson
from postmortems.coach.review import FAMILIES, RULES, check_text
from postmortems.coach.timeline import EventFacts, TimelineFacts
from tests.coach.measure import CHECKS, corpus, scores, total

NOON = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
TODAY = date(2026, 4, 1)


def found(text: str, **known: object) -> list[str]:
    return [finding.rule.id for finding in check_text(text, **known)]  # type: ignore[arg-type]


# -- Over the labelled sentences ---------------------------------------------------------------------------------------


def test_the_corpus_is_large_and_half_of_it_is_fine() -> None:
    labelled = list(corpus())
    clean = sum(not each.rules for each in labelled)
    assert len(labelled) >= 400
    assert clean >= len(labelled) * 0.45


def test_what_is_said_is_right_and_little_is_missed() -> None:
    by_rule, faults = scores(corpus())
    whole = total(by_rule.values())
    assert whole.precision >= 0.97, faults
    assert whole.recall >= 0.95, faults
    assert all(score.precision >= 0.9 for score in by_rule.values()), faults


def test_every_rule_finds_its_own_bad_examples_and_no_good_one() -> None:
    kinds = {"Actions": "actions", "Lessons": "lessons", "Title": "titles"}
    for rule in (rule for rule in RULES.values() if rule.family != "Timeline"):
        check = CHECKS[kinds.get(rule.family, "text")]
        for bad in rule.bad:
            if not bad.startswith("("):
                assert rule.id in {finding.rule.id for finding in check(bad)}, bad
        for good in rule.good:
            if not good.startswith("("):
                assert rule.id not in {finding.rule.id for finding in check(good)}, good


def test_rules_have_a_name_of_their_own_and_say_why() -> None:
    rules = [rule for family in FAMILIES for rule in family.RULES]
    assert len(rules) == len(RULES) >= 25
    assert all(len(rule.why) > 50 and rule.ask and rule.bad and rule.good for rule in rules)


# -- Places ------------------------------------------------------------------------------------------------------------


def test_a_finding_says_exactly_where() -> None:
    text = "Fine. 🙂 The engineer carelessly restarted it."
    [finding] = check_text(text)
    assert text[finding.start : finding.end] == finding.quote == "carelessly"


@pytest.mark.parametrize(
    "hidden",
    [
        "`Sam carelessly forgot to check`",
        "> Sam carelessly forgot to check",
        "```\nSam carelessly forgot to check\n```",
        "~~~~\nSam carelessly forgot to check",
        "He said “Sam carelessly forgot to check”.",
        'The log reads "Sam carelessly forgot to check".',
        "See [it](https://example.com/carelessly-forgot).",
        "https://example.com/human-error",
        "{{event:12}}",
    ],
)
def test_what_is_not_the_author_s_own_words_is_passed_over(hidden: str) -> None:
    assert found(f"The deploy went out.\n\n{hidden}\n") == []


def test_what_follows_code_is_read_again() -> None:
    assert found("```\ncarelessly\n```\n\nIt was careless of Sam.") == ["blame-judgement"]


# -- What is known beside the text -------------------------------------------------------------------------------------


def test_a_term_of_the_glossary_is_explained() -> None:
    assert found("The IAB rejected it.") == ["unexplained-acronym"]
    assert found("The IAB rejected it.", explained=["IAB"]) == []


def test_a_zone_that_is_said_once_counts_everywhere() -> None:
    assert found("It fired at 14:32.") == ["time-without-zone"]
    assert found("It fired at 14:32.", zone_is_said=True) == []


def test_the_response_analysis_asks_for_what_would_have_helped() -> None:
    text = "It could have been noticed an hour earlier."
    assert found(text) == ["counterfactual"]
    assert found(text, is_response=True) == []


def test_many_times_without_a_zone_are_one_finding() -> None:
    [finding] = check_text("At 14:32 it fired.\n\nAt 14:40 it ended, at 14:41 we slept.")
    assert "2 more like it" in finding.what


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("Human error.", "sensible thing"),
        ("The process was not followed", "hard to follow"),
        ("It is a legacy system", "keeps it as it is"),
        ("The pool had 20 connections", ""),
        ("It was not human error", ""),
    ],
)
def test_an_end_asks_the_next_why(answer: str, question: str) -> None:
    asked = next_why(answer)
    assert question in asked
    assert bool(asked) == bool(question)


# -- Facts -------------------------------------------------------------------------------------------------------------


def test_actions_without_owner_or_date_or_too_many_are_told() -> None:
    actions = [ActionFacts("Alert on age", False, None, TODAY), ActionFacts("b", True, TODAY + timedelta(46), TODAY)]
    rules = [finding.rule.id for finding in check_actions(actions)]
    assert rules == ["action-without-owner", "action-without-date", "action-far-away"]
    many = [ActionFacts("Alert on age", True, TODAY, TODAY)] * 11
    assert [finding.rule.id for finding in check_actions(many)] == ["too-many-actions"]
    assert list(check_actions(many[:10])) == []


def test_a_lesson_that_says_what_an_action_says_is_told() -> None:
    lesson = "The queue's age needs an alert on the dashboard"
    assert [each.rule.id for each in check_lesson(lesson, ["Alert on the queue's age, dashboard needs it"])] == [
        "lesson-is-an-action"
    ]
    assert list(check_lesson(lesson, ["Publish the rota"])) == []


def event(minutes: int, kind: str, text: str = "Something", *, exact: bool = True) -> EventFacts:
    return EventFacts(NOON + timedelta(minutes=minutes), kind, text, exact)


def told(*events: EventFacts, **moments: datetime) -> list[str]:
    facts = TimelineFacts(events, detected_at=moments.get("detected_at"), resolved_at=moments.get("resolved_at"))
    return [finding.rule.id for finding in timeline.check(facts)]


def test_a_timeline_that_is_whole_gets_no_finding() -> None:
    assert told(event(0, "trigger"), event(4, "detection"), event(12, "action"), event(20, "recovery")) == []


def test_a_timeline_that_starts_at_the_page_is_told() -> None:
    assert told(event(0, "detection"), event(9, "recovery")) == ["timeline-starts-at-the-page"]


def test_detection_and_recovery_may_be_known_as_moments() -> None:
    lacking = ["timeline-without-detection", "timeline-without-recovery"]
    assert told(event(0, "trigger"), event(5, "other")) == lacking
    assert told(event(0, "trigger"), event(5, "other"), detected_at=NOON, resolved_at=NOON) == []


@pytest.mark.parametrize(
    ("minutes", "text", "rules"),
    [
        (15, "Looked", []),
        (16, "Looked", ["timeline-gap"]),
        (50, "We waited for the provider", []),
    ],
)
def test_a_silence_of_more_than_a_quarter_of_an_hour_is_told_unless_explained(
    minutes: int, text: str, rules: list[str]
) -> None:
    events = [event(0, "trigger"), event(2, "detection", text), event(2 + minutes, "recovery")]
    assert told(*events) == rules


def test_a_silence_between_events_known_by_their_day_is_none() -> None:
    events = [event(0, "trigger"), event(2, "detection"), event(900, "recovery", exact=False)]
    assert told(*events) == []


def test_names_are_told_only_where_roles_are_agreed_on() -> None:
    events = (event(0, "trigger"), event(4, "detection", "Sam Weber saw it"), event(9, "recovery", "Samara"))
    facts = TimelineFacts(events, names=frozenset(["Sam Weber", "Sam"]))
    assert [finding.quote for finding in timeline.check(facts)] == ["Sam Weber"]
    assert list(timeline.check(TimelineFacts(events))) == []


def test_a_document_of_more_than_four_pages_is_told() -> None:
    assert list(clarity.check_length(2000)) == []
    assert [finding.what for finding in clarity.check_length(2001)] == ["2,001 words: longer than four pages."]


# -- Hostile text ------------------------------------------------------------------------------------------------------

ATOMS = [
    "a", " ", "A", "\n", "`", "“", '"', "{{", "![", "](", "> ", "14:32 ", "should have ", "should ", "if we had ",
    "some ", "a number of the very ", "fault ", "no ", "human error ", "UTC ", "AAA ", "blame ", "'s ", "-", ".", "(",
    "failed to ", "the engineer on the ", "vendor ", "improve ", "e.g. ", "\ufffc", "1:", "was supposed to have ",
]  # fmt: skip


@pytest.mark.parametrize("atom", ATOMS)
def test_no_text_takes_more_than_its_length(atom: str) -> None:
    """Four times the text may take little more than four times as long: nothing backtracks."""
    size = 30_000
    small, large = atom * (size // len(atom)), atom * (4 * size // len(atom))
    for check in CHECKS.values():
        list(check(small))
        assert _seconds(check, large) < 12 * _seconds(check, small) + 0.25


def _seconds(check: object, text: str) -> float:
    """Processor time, the best of three: machines are shared."""
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        list(check(text))  # type: ignore[operator]
        best = min(best, time.process_time() - begun)
    return best


@settings(max_examples=150)
@given(st.lists(st.sampled_from([*ATOMS, "ß", "İ", "👩🏽‍🚒", "\r\n", "\0"]), max_size=60).map("".join))
def test_any_text_is_read_and_every_place_is_within_it(text: str) -> None:
    for finding in check_text(text):
        assert 0 <= finding.start < finding.end <= len(text)
        assert text[finding.start : finding.end] == finding.quote
