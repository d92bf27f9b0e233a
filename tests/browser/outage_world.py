"""Run as a program beside the tests, over servers of its own: makes a post-mortem, or says what its log has.

`world`: prints the post-mortem, its section and a session for each of six people, as JSON. `text ID`: prints the text.
"""

from __future__ import annotations

import json
import sys

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from postmortems.collab import store  # noqa: E402
from postmortems.models import Participant, Section  # noqa: E402
from tests.factories.accounts import UserFactory  # noqa: E402
from tests.factories.postmortems import PostmortemFactory, SectionFactory  # noqa: E402

PEOPLE = 6


def world() -> None:
    call_command("migrate", verbosity=0)
    section = SectionFactory.create(postmortem=PostmortemFactory.create(), title="Root cause", body="")
    sessions = []
    for number in range(PEOPLE):
        person = UserFactory.create(display_name=f"Person {number}")
        Participant.objects.create(postmortem=section.postmortem, user=person, role="contributor")
        client = Client()
        client.force_login(person)
        sessions.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
    print(
        json.dumps({"postmortem": section.postmortem_id, "cookie": settings.SESSION_COOKIE_NAME, "sessions": sessions})
    )


def text(postmortem_id: int) -> None:
    section = Section.objects.get(postmortem=postmortem_id, title="Root cause")
    print(store.load(postmortem_id).document.text(section.pk), end="")


if __name__ == "__main__":
    world() if sys.argv[1] == "world" else text(int(sys.argv[2]))
