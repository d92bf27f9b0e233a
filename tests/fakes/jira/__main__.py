"""The fake Jira in a process of its own, for measuring: what it costs is then not on the account of Debrief.

Started by `python -m tests.fakes.jira SECONDS`: so long every request takes. Says its address on standard output, and
then answers each line of JSON on standard input with one.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from tests.fakes.jira import Jira, JiraServer
from tests.fakes.jira.server import Asked


class Live(Jira):
    """A Jira Cloud with the time of day. Remembers when each summary was written."""

    written: dict[str, float]

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @now.setter
    def now(self, value: datetime) -> None:
        """Time goes by itself here."""

    def edit(self, issue: Any, fields: Any, *args: Any, **kwargs: Any) -> None:
        super().edit(issue, fields, *args, **kwargs)
        if "summary" in fields:
            self.written[fields["summary"]] = time.time()


def main() -> None:
    seconds = float(sys.argv[1])
    jira = Live(is_cloud=True)
    jira.written = {}
    with JiraServer(jira) as server:
        server.contract.is_checked = False

        def wait(asked: Asked) -> None:
            time.sleep(seconds)

        server.before = wait
        print(server.url, flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(server, jira, json.loads(line))), flush=True)


def answer(server: JiraServer, jira: Live, asked: dict[str, Any]) -> Any:
    with server.lock:
        match asked["what"]:
            case "requests":
                return len(server.log)
            case "written":
                return jira.written.get(asked["title"])
            case "edit":
                jira.edit(jira.issues[asked["id"]], {"summary": asked["title"]}, by="1")
                return jira.written[asked["title"]]
    raise ValueError(asked)


if __name__ == "__main__":
    main()
