"""`hearth create-user`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import django

from appliance.cli.account import own_name
from appliance.cli.options import add_json
from appliance.cli.password import add_password, password_of
from appliance.config import get_config
from appliance.config.sections.server import Server
from appliance.database import migrate

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Who, and how the password is given."""
    parser.add_argument("name", metavar="NAME", help="alice, or the whole user ID @alice:example.org")
    parser.add_argument("--admin", action="store_true", help="make them an administrator")
    add_password(parser)
    add_json(parser)


def run(arguments: Namespace) -> int:
    """Makes the account and prints its user ID."""
    name = own_name(arguments.name)
    _note_without_name()
    given = password_of(arguments)
    migrate()
    django.setup()
    user_id = _create(name, given.password, is_admin=arguments.admin)
    if arguments.json:
        told = {"user_id": user_id, "is_admin": arguments.admin}
        print(json.dumps(told | ({"password": given.password} if given.is_made else {}), indent=2))
    else:
        print(user_id)
        if given.is_made:
            print(f"password: {given.password}")
    return 0


def _note_without_name() -> None:
    name = get_config().server.name
    if name == Server().name:
        note = f"server.name is not set: users of {name} are for trying out, and no other server reaches them"
        print(note, file=sys.stderr)


def _create(name: str, password: str, *, is_admin: bool) -> str:
    from appliance.setup_code import forget_setup_code
    from matrix_app.services.administer_account import add_account
    from matrix_app.services.audit import CLI

    account = add_account(CLI, name, password, is_admin=is_admin)
    if is_admin:
        forget_setup_code()
    return account.user_id
