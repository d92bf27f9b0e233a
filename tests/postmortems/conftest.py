"""A draft of Alice's about an incident of her team."""

from __future__ import annotations

import pytest

from accounts.models import Team, User
from incidents.models import Incident
from postmortems.models import Postmortem, Section
from tests.factories.postmortems import IncidentFactory, PostmortemFactory, SectionFactory


@pytest.fixture
def incident(alice: User, team: Team) -> Incident:
    return IncidentFactory.create(created_by=alice, commander=alice, team=team, title="Checkout failed")


@pytest.fixture
def postmortem(incident: Incident, alice: User) -> Postmortem:
    return PostmortemFactory.create(incident=incident, owner=alice)


@pytest.fixture
def section(postmortem: Postmortem) -> Section:
    return SectionFactory.create(postmortem=postmortem, title="Root cause analysis")
