"""`hearth migrate`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance.config import get_config
from appliance.prepare import DATABASE_UNUSABLE, make_current

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
    parser.epilog = (
        "Also makes folders and keys that are missing, collects the files of the pages, and plans what is "
        "done regularly: all that `hearth web` and `hearth worker` rely on."
    )


def run(arguments: Namespace) -> int:
    """Brings the database and all that belongs to it up to date, and says what it did."""
    deadline = time.monotonic() + arguments.wait
    while (code := make_current(get_config())) == DATABASE_UNUSABLE and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return code
