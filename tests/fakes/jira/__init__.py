"""A Jira that behaves like one: state, history, workflow, rights, a lagging index, and every way of failing.

It answers the requests Debrief makes, refuses what it does not know, and has its answers checked against what Atlassian
says of the interface, where that is at hand.
"""

from tests.fakes.jira.server import JiraServer as JiraServer
from tests.fakes.jira.state import Jira as Jira
from tests.fakes.jira.state import Person as Person
