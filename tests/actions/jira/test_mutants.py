"""Each rule of the design broken by itself: the state machine must notice. Run by `make jira-mutants`."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from actions.jira import create, merge, queue, sync
from actions.jira.client import JiraClient
from actions.jira.local import values_of
from actions.tracker import Issue, Unreachable
from tests.actions.jira import test_failures
from tests.actions.jira.machine import JiraMachine
from tests.actions.jira.test_machine import _quiet as _quiet
from tests.actions.jira.test_machine import machine as machine
from tests.actions.jira.world import Both

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.mutants]
Mutant = Callable[[], AbstractContextManager[Any]]


def created_again_when_the_answer_is_lost() -> AbstractContextManager[Any]:
    real = JiraClient.create

    def twice(client: JiraClient, draft: Any) -> Any:
        try:
            return real(client, draft)
        except Unreachable:
            return real(client, draft)

    return mock.patch.object(JiraClient, "create", twice)


def no_waiting_for_what_may_be_under_way() -> AbstractContextManager[Any]:
    return mock.patch.object(create, "IN_FLIGHT", timedelta(0))


def no_marker_is_looked_for() -> AbstractContextManager[Any]:
    return mock.patch.object(JiraClient, "walk", return_value=())


def edits_that_ours_covered_are_not_replayed() -> AbstractContextManager[Any]:
    return mock.patch.object(merge._Field, "_theirs", lambda self: self.remote)


def values_are_compared_instead_of_the_history() -> AbstractContextManager[Any]:
    real = merge.merge

    def blind(issue: Issue, *args: Any, **kwargs: Any) -> Any:
        return real(dataclasses.replace(issue, entries=()), *args, **kwargs)

    return mock.patch.object(sync, "merge", blind)


def old_answers_are_merged() -> AbstractContextManager[Any]:
    """As rows of a lagging search would be."""
    real, seen = JiraClient._issue, dict[str, list[Issue]]()

    def lagging(client: JiraClient, raw: Any) -> Issue:
        issue = real(client, raw)
        known = seen.setdefault(f"{client._url}{issue.id}{issue.marker}", [])
        known.append(issue)
        return known[-2] if len(known) > 1 else issue

    stack = contextlib.ExitStack()
    stack.enter_context(mock.patch.object(JiraClient, "_issue", lagging))
    stack.enter_context(mock.patch.object(sync, "is_older", return_value=False))
    return stack


def agreed_is_what_the_action_says_by_now() -> AbstractContextManager[Any]:
    """Not what was sent: the first of the errors that earlier drafts made."""
    real = create.link

    def link(lease: queue.Lease, *args: Any, **kwargs: Any) -> None:
        with queue.held_with_action(lease) as (row, action):
            if action and row.attempt:
                row.attempt["local"] = values_of(action)
                row.save(update_fields=["attempt"])
        real(lease, *args, **kwargs)

    return mock.patch.object(create, "link", link)


def own_entries_count_as_somebody_s() -> AbstractContextManager[Any]:
    real = JiraClient._entry
    return mock.patch.object(
        JiraClient, "_entry", lambda client, raw: dataclasses.replace(real(client, raw), is_ours=False)
    )


def conflicts_are_not_kept() -> AbstractContextManager[Any]:
    return mock.patch.object(merge._Field, "_lose", return_value=None)


MUTANTS: list[Mutant] = [
    created_again_when_the_answer_is_lost,
    no_waiting_for_what_may_be_under_way,
    no_marker_is_looked_for,
    values_are_compared_instead_of_the_history,
    old_answers_are_merged,
    agreed_is_what_the_action_says_by_now,
    own_entries_count_as_somebody_s,
    conflicts_are_not_kept,
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
@pytest.mark.parametrize("machine", ["cloud"], indirect=True)
def test_the_machine_notices(mutant: Mutant, machine: type[JiraMachine]) -> None:
    checks = list(HealthCheck)
    wanted = settings(
        max_examples=int(os.environ.get("JIRA_MACHINES", "400")),
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=checks,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        database=None,
    )
    with mutant(), pytest.raises(BaseException) as found:  # noqa: PT011  (whichever rule it breaks)
        run_state_machine_as_test(machine, settings=wanted)
    print(f"{mutant.__name__}: {str(found.value)[:200]}")


@pytest.mark.parametrize("server", ["cloud"], indirect=True)
def test_edits_that_ours_covered_are_missed_by_their_own_test(both: Both) -> None:
    """It takes so much to coincide that the machine seldom sees it; the test made for it always does."""
    with edits_that_ours_covered_are_not_replayed(), pytest.raises(AssertionError, match="Theirs"):
        test_failures.test_an_edit_that_ours_covered_comes_back(both)
