"""`manage.py load_samples`: fill an empty Debrief with an organisation to look around in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from actions.sample_data import PEOPLE
from actions.samples import OrganisationInUse, load_samples


class Command(BaseCommand):
    help = "Load the sample organisation: people, teams, incidents, post-mortems and actions. Prints the sign-ins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--among-others",
            action="store_true",
            help="load it although other people are here already; they will see its incidents",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            loaded = load_samples(now=timezone.now(), among_others=options["among_others"])
        except OrganisationInUse as in_use:
            raise CommandError(
                "Other people use this Debrief. To load the sample organisation beside them, add --among-others."
            ) from in_use
        self.stdout.write(
            f"The sample organisation: {loaded.incidents} incidents, {loaded.actions} actions. Sign in as"
        )
        width = max(len(person.email) for person in PEOPLE)
        for person in PEOPLE:
            self.stdout.write(f"  {person.email:<{width}}  {person.name}, {person.shows}")
        if loaded.password:
            self.stdout.write(f"each with the password {loaded.password}")
        else:
            self.stdout.write("They were here before; their passwords are as they were.")
