"""The state machine of both sides, run with as many machines as there is time for."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.actions.jira.machine import JiraMachine
from tests.fakes.jira import Jira, JiraServer

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(params=["cloud", "dc"])
def machine(request: pytest.FixtureRequest) -> Iterator[type[JiraMachine]]:
    is_cloud = request.param == "cloud"
    with JiraServer(Jira(is_cloud=is_cloud)) as server:
        made: type[JiraMachine] = type(
            "Machine", (JiraMachine,), {"is_cloud": is_cloud, "servers": {is_cloud: server}, "totals": {}}
        )
        yield made
        print(f"{request.param}: {made.totals}")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A line for each of many thousand requests is nothing to read."""
    logger = logging.getLogger("debrief.jira")
    before = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(before)


def run(machine: type[JiraMachine], machines: int) -> None:
    checks = [
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.large_base_example,
    ]
    wanted = settings(
        phases=[Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if "JIRA_SHRINK" in os.environ else [])],
        max_examples=machines,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=checks,
        print_blob=True,
    )
    run_state_machine_as_test(machine, settings=wanted)


def test_no_order_of_events_loses_an_edit_or_makes_a_second_issue(machine: type[JiraMachine]) -> None:
    run(machine, 20)


@pytest.mark.soak
def test_no_order_of_events_does_so_in_many_machines(machine: type[JiraMachine]) -> None:
    """A thousand for each deployment, or as many as JIRA_MACHINES says."""
    run(machine, int(os.environ.get("JIRA_MACHINES", "1000")))
