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
    """The password; raises `InvalidParam` when it cannot be read, or is not typed the same twice."""
    if arguments.generate:
        return Given(secrets.token_urlsafe(15), is_made=True)
    file = arguments.password_file
    if file is not None:
        return Given(_read(file).rstrip("\r\n"))
    return Given(_typed())


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as fault:
        raise InvalidParam(f"{file} cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise InvalidParam(f"the password in {file} is not written in UTF-8") from fault


def _typed() -> str:
    try:
        first = getpass("Password: ")
        if getpass("Again: ") != first:
            raise InvalidParam("the passwords differ")
    except EOFError as fault:
        raise InvalidParam("nobody types a password: give --password-file, or --generate") from fault
    return first
