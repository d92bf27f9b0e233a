"""Both sides, once with Jira Cloud and once with Data Center."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts.models import User
from postmortems.models import Postmortem
from tests.actions.jira.world import Both, connect, know, map_team
from tests.fakes.jira import Jira, JiraServer


@pytest.fixture(params=["cloud", "dc"])
def server(request: pytest.FixtureRequest) -> Iterator[JiraServer]:
    with JiraServer(Jira(is_cloud=request.param == "cloud")) as server:
        yield server
        assert server.contract.faults == []


@pytest.fixture
def both(server: JiraServer, postmortem: Postmortem, alice: User, bob: User) -> Both:
    connection = connect(server, alice)
    mapping = map_team(connection, postmortem.team)
    know(connection, server, bob, "1", server.jira.now)
    return Both(server, connection, mapping, postmortem, alice)
