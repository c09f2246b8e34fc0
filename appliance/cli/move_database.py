"""`hearth move-database`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import django

from appliance.backup.errors import BackupError
from appliance.cli.options import add_json
from appliance.cli.progress import Progress
from appliance.config import get_config
from appliance.data_lock import DataInUse, claim
from appliance.database import count_missing

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_AFTERWARDS = """
To use it: set database.url to the new address (in hearth.toml or HEARTH_DATABASE__URL), and start the server.
It makes the index of the search again by itself, which takes a while.
The old database is as it was. Keep it until you are content, and never start a server with it again.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Where the data is to go."""
    parser.add_argument(
        "--to", required=True, metavar="URL", help="postgresql://user:password@host/name, or sqlite:///file"
    )
    add_json(parser)
    parser.epilog = "The server must not run, and the new database must be empty. The old one is only read."


def run(arguments: Namespace) -> int:
    """Copies everything and compares it; 1 when it was refused, or when the copy is not the same."""
    django.setup()
    from appliance.moving import move_database

    config, progress = get_config(), Progress(quiet=arguments.json)
    try:
        with claim(config.server.run_dir, ""):
            if count_missing():
                raise BackupError("The database is not of this version: run hearth migrate first")
            moved = move_database(config, arguments.to, progress)
    except DataInUse:
        print("the server runs: stop it first", file=sys.stderr)
        return 1
    except BackupError as fault:
        progress.end()
        print(fault.message, file=sys.stderr)
        return 1
    progress.end()
    if arguments.json:
        print(json.dumps(moved._asdict(), indent=2))
    else:
        print(f"moved and compared {moved.rows} rows of {moved.tables} tables\n{_AFTERWARDS}")
    return 0
