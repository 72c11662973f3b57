"""`manage.py account add NAME --role ROLE --password-env VAR` and `manage.py account role NAME --role ROLE`."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from detection.accounts import services
from detection.models.user import Role


class Command(BaseCommand):
    help = "Make an account, or give one another role."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        add = acts.add_parser("add", help="make a local account")
        role = acts.add_parser("role", help="give an account another role")
        for act in (add, role):
            act.add_argument("name")
            act.add_argument("--role", choices=[str(value) for value in Role], required=True)
        add.add_argument(
            "--password-env", metavar="VAR", required=True, help="environment variable that holds the password"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        role = Role(options["role"])
        try:
            if options["act"] == "role":
                services.change_role(options["name"], role)
                self.stdout.write(f"{options['name']} is now {role}.")
                return
            services.make_account(options["name"], role=role, password=self._password(options["password_env"]))
        except services.AccountRefused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"Account {options['name']} made, role {role}.")

    def _password(self, variable: str) -> str:
        password = os.environ.get(variable)  # the variable is the caller's own, not one of our settings
        if not password:
            raise CommandError(f"{variable} is not set: put the password into that environment variable.")
        try:
            validate_password(password)
        except ValidationError as weak:
            # The person at the console decides; a page would refuse.
            self.stderr.write(self.style.WARNING(f"A weak password: {' '.join(weak.messages)}"))
        return password
