"""`manage.py create_administrator`: the first person of a new Debrief, or a way back in."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from accounts.forms import ZONES, without_control_characters
from accounts.models import User
from accounts.services.person import appoint_administrator, create_person, reactivate_person


class Command(BaseCommand):
    help = "Make an administrator: a new person, or one who is here already and keeps their password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", help="how others see them; the part before the @ when left out")
        parser.add_argument("--timezone", default="UTC", help="an IANA name such as Europe/Paris (default: UTC)")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        email = _checked_email(options["email"])
        person = User.objects.filter(email__iexact=email).first()
        if person is None:
            self._create(email, options)
            return
        with transaction.atomic():
            reactivate_person(person=person, by=person, now=timezone.now())
            appoint_administrator(person=person, by=None, now=timezone.now())
        self.stdout.write(f"{person.email} is an administrator now. Their password is as it was.")

    def _create(self, email: str, options: dict[str, Any]) -> None:
        if options["timezone"] not in dict(ZONES):
            raise CommandError(f"“{options['timezone']}” is not a time zone. Use an IANA name such as Europe/Paris.")
        name = without_control_characters(options["name"] or email.partition("@")[0]).strip()[:100]
        password = _asked_password(User(email=email, display_name=name), is_piped=options["password_stdin"])
        create_person(
            email=email,
            display_name=name,
            timezone=options["timezone"],
            password=password,
            by=None,
            now=timezone.now(),
            is_administrator=True,
        )
        self.stdout.write(f"{email} can sign in now and administers everything.")


def _checked_email(email: str) -> str:
    try:
        validate_email(email)
    except ValidationError as invalid:
        raise CommandError(f"“{email}” is not an e-mail address.") from invalid
    return email.lower()


def _asked_password(person: User, *, is_piped: bool) -> str:
    if is_piped:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = getpass("Password: ")
        if password != getpass("The same again: "):
            raise CommandError("The two passwords differ. Nobody was made.")
    else:
        raise CommandError("There is no terminal to ask for a password. Pipe it in, with --password-stdin.")
    try:
        validate_password(password, person)
    except ValidationError as weak:
        raise CommandError(" ".join(weak.messages)) from weak
    return password
