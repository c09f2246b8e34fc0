"""How verbs are told a password: typed twice, in a file, or made by Hearth."""

from __future__ import annotations

import secrets
import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from matrix_app.protocol.errors import InvalidParam

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


class Given(NamedTuple):
    """A password, and whether Hearth has made it, so that it must be told."""

    password: str
    is_made: bool = False


def add_password(parser: ArgumentParser) -> None:
    """The ways in which a password is given; without any it is typed."""
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--password-file",
        metavar="FILE",
        help="read the password from a file, or from - for the standard input",
    )
    ways.add_argument("--generate", action="store_true", help="make a password, and print it")


def password_of(arguments: Namespace) -> Given:
    """The password; raises `InvalidParam` when it is not typed the same twice."""
    if arguments.generate:
        return Given(secrets.token_urlsafe(15), is_made=True)
    file = arguments.password_file
    if file is not None:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return Given(text.rstrip("\r\n"))
    first = getpass("Password: ")
    if getpass("Again: ") != first:
        raise InvalidParam("the passwords differ")
    return Given(first)
