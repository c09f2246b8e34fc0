"""The verbs of the command line as data: what help, completion and the manual page are made of."""

from __future__ import annotations

import importlib
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.cli.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable


class Needs(StrEnum):
    """What must be there before a verb runs."""

    NOTHING = "nothing"
    CONFIGURATION = "configuration"
    DATA = "data"  # which this user must be able to write


class Verb(NamedTuple):
    """A verb of the command line. Its module has `add_arguments(parser)` and `run(arguments) -> int`."""

    name: str
    module: str
    summary: str
    needs: Needs = Needs.DATA
    # Runs for as long as the server does, and sets its log up by itself.
    is_server: bool = False

    def parser(self) -> Parser:
        """What reads its arguments."""
        parser = Parser(prog=f"hearth {self.name}", description=self.summary)
        importlib.import_module(self.module).add_arguments(parser)
        return parser

    def runner(self) -> Callable[[Any], int]:
        """What does it; the result is the exit code."""
        run: Callable[[Any], int] = importlib.import_module(self.module).run
        return run


def _verb(name: str, summary: str, needs: Needs = Needs.DATA, *, is_server: bool = False) -> Verb:
    return Verb(name, f"appliance.cli.{name.replace('-', '_')}", summary, needs, is_server)


# Of no use without the source, so packages come without it.
TEST = _verb("test", "check and test everything, on SQLite and on PostgreSQL", Needs.NOTHING)

VERBS = (
    _verb("run", "start the server: database, web and worker, until Ctrl-C", is_server=True),
    _verb("web", "run the web processes alone, as systemd does", is_server=True),
    _verb("worker", "run the worker processes alone, as systemd does", is_server=True),
    *((TEST,) if find_spec(TEST.module) else ()),
    _verb("setup-url", "print the server's address and a new one-time setup code"),
    _verb("doctor", "look whether everything works, and say what to do where it does not"),
    _verb("create-user", "make an account, or an administrator"),
    _verb("reset-password", "give somebody another password"),
    _verb("reset-2fa", "remove the second factor of somebody who has lost it"),
    _verb("reconfigure", "make everything follow from the configuration", Needs.NOTHING),
    _verb("migrate", "bring the database to this version's schema"),
    _verb("backup", "copy everything that must not be lost into the folder of backups"),
    _verb("verify-backup", "restore a backup into a scratch place and check it"),
    _verb("remote-backup", "copies of backups elsewhere: test, key, trust, upload, fetch"),
    _verb("restore", "put a backup in the place of this server's data"),
    _verb("move-database", "move from SQLite to PostgreSQL, or back"),
    _verb("media", "look after pictures and files: status, copy, remove, block"),
    _verb("render-proxy", "print the configuration for a proxy in front", Needs.CONFIGURATION),
    _verb("render-turn", "print the configuration for coturn, with its secret"),
    _verb("turn-certificate", "hand a certificate to coturn, as systemd does", Needs.NOTHING),
    _verb("support-bundle", "pack what somebody who helps needs to know, without secrets and names"),
    _verb("config", "check the configuration and show every setting in effect", Needs.CONFIGURATION),
    _verb("completion", "print what a shell needs to complete this command", Needs.NOTHING),
    _verb("version", "print the version", Needs.NOTHING),
)


def verb_named(name: str) -> Verb | None:
    """The verb of this name, or None."""
    return next((verb for verb in VERBS if verb.name == name), None)
