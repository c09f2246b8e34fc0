"""Finds the verb's module and runs it. Each verb is imported only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from importlib.util import find_spec
from typing import NamedTuple

from appliance.config import ConfigError
from appliance.schema import SchemaRefused

# structlog imports Twisted when it is installed, as it is for Daphne: 3 MiB that nobody uses.
sys.modules.setdefault("structlog.twisted", None)  # type: ignore[arg-type]


class Verb(NamedTuple):
    """A verb of the command line. Its module has `add_arguments(parser)` and `run(arguments) -> int`."""

    name: str
    module: str
    summary: str


# Of no use without the source, so packages come without it.
TEST = Verb("test", "appliance.cli.test", "check and test everything, on SQLite and on PostgreSQL")

VERBS = (
    Verb("run", "appliance.cli.run", "start the server: database, web and worker, until Ctrl-C"),
    Verb("web", "appliance.cli.web", "run the web processes alone, as systemd does"),
    Verb("worker", "appliance.cli.worker", "run the worker processes alone, as systemd does"),
    *((TEST,) if find_spec(TEST.module) else ()),
    Verb("migrate", "appliance.cli.migrate", "bring the database to this version's schema"),
    Verb("create-user", "appliance.cli.create_user", "make an account, or an administrator"),
    Verb(
        "doctor",
        "appliance.cli.doctor",
        "look whether everything works, and say what to do where it does not",
    ),
    Verb("media", "appliance.cli.media", "look after pictures and files: status, copy, remove, block"),
    Verb(
        "backup", "appliance.cli.backup", "copy everything that must not be lost into the folder of backups"
    ),
    Verb(
        "verify-backup", "appliance.cli.verify_backup", "restore a backup into a scratch place and check it"
    ),
    Verb("restore", "appliance.cli.restore", "put a backup in the place of this server's data"),
    Verb("move-database", "appliance.cli.move_database", "move from SQLite to PostgreSQL, or back"),
    Verb("setup-url", "appliance.cli.setup_url", "print the server's address and a new one-time setup code"),
    Verb("render-proxy", "appliance.cli.render_proxy", "print the configuration for a proxy in front"),
    Verb("render-turn", "appliance.cli.render_turn", "print the configuration for coturn, with its secret"),
    Verb("config", "appliance.cli.config", "check the configuration and show every setting in effect"),
    Verb("version", "appliance.cli.version", "print the version"),
)


def main(arguments: list[str] | None = None) -> int:
    """Runs one verb; the result is the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    given = sys.argv[1:] if arguments is None else arguments
    verb = next((verb for verb in VERBS if given and verb.name == given[0]), None)
    if verb is None:
        _parser().parse_args(given or ["--help"])
        return 0
    module = importlib.import_module(verb.module)
    parser = argparse.ArgumentParser(prog=f"hearth {verb.name}", description=verb.summary)
    module.add_arguments(parser)
    try:
        code: int = module.run(parser.parse_args(given[1:]))
    except (ConfigError, SchemaRefused) as fault:
        print(fault, file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    verbs = "\n".join(f"  {verb.name:<13} {verb.summary}" for verb in VERBS)
    parser = argparse.ArgumentParser(
        prog="hearth",
        usage="hearth VERB [OPTIONS]",
        description="Hearth, a Matrix homeserver for people who host their own.",
        epilog=f"verbs:\n{verbs}\n\nhearth VERB --help tells more of a verb.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=[verb.name for verb in VERBS], help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
