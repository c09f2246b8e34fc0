"""`hearth create-user`."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import django

from appliance.database import migrate
from matrix_app.protocol.errors import MatrixError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Who, and how the password is given."""
    parser.add_argument(
        "name", metavar="NAME", help="the part before the colon: alice for @alice:example.org"
    )
    parser.add_argument("--admin", action="store_true", help="make them an administrator")
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="read the password from a file, or from - for the standard input",
    )


def run(arguments: Namespace) -> int:
    """Makes the account and prints its user ID."""
    password = _password(arguments.password_file)
    if password is None:
        print("the passwords differ", file=sys.stderr)
        return 1
    migrate()
    django.setup()
    try:
        print(_create(arguments.name, password, is_admin=arguments.admin))
    except MatrixError as fault:
        print(fault.message, file=sys.stderr)
        return 1
    return 0


def _create(name: str, password: str, *, is_admin: bool) -> str:
    from appliance.setup_code import forget_setup_code
    from matrix_app.services.create_account import create_account
    from matrix_app.services.passwords import check_policy, hash_password

    check_policy(password)
    account = create_account(name, password_hash=hash_password(password), is_admin=is_admin)
    if is_admin:
        forget_setup_code()
    return account.user_id


def _password(file: str | None) -> str | None:
    """The password that is given or typed; None when it is not typed the same twice."""
    if file is not None:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return text.rstrip("\r\n")
    first = getpass("Password: ")
    return first if getpass("Again: ") == first else None
