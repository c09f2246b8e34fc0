"""`hearth migrate`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from django.db import OperationalError

from appliance.cli.options import add_json
from appliance.cli.progress import Progress
from appliance.config import get_config
from appliance.prepare import Made, make_current, sentence

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

PAUSE_SECONDS = 2.0


def add_arguments(parser: ArgumentParser) -> None:
    """How long to wait for the database."""
    parser.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for a database that cannot be used yet (default: not at all)",
    )
    add_json(parser)
    parser.epilog = (
        "Also makes folders and keys that are missing, collects the files of the pages, and plans what is "
        "done regularly: all that `hearth web` and `hearth worker` rely on."
    )


def run(arguments: Namespace) -> int:
    """Brings the database and all that belongs to it up to date, and says what it did."""
    made = _made(time.monotonic() + arguments.wait, Progress(quiet=arguments.json))
    if arguments.json:
        print(json.dumps(made._asdict(), indent=2))
    else:
        print(f"keys       {get_config().server.secrets_dir}\ndatabase   {sentence(made)}")
    return 0


def _made(deadline: float, progress: Progress) -> Made:
    while True:
        try:
            made = make_current(get_config(), progress)
        except OperationalError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            progress.end()
            return made
