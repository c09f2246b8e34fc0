"""`hearth migrate`."""

from __future__ import annotations

import json
import math
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from appliance.cli.options import add_json
from appliance.cli.progress import Progress
from appliance.config import get_config
from appliance.prepare import make_current, sentence
from appliance.restore_order import read_order

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """How long to wait for the database."""
    add_wait(parser)
    add_json(parser)
    parser.epilog = (
        "Also makes folders and keys that are missing, collects the files of the pages, and plans what is "
        "done regularly: all that `hearth web` and `hearth worker` rely on."
    )


def add_wait(parser: ArgumentParser) -> None:
    """How long a database that does not answer is waited for."""
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for a database that cannot be used yet (default: not at all)",
    )


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < math.inf:
        raise ArgumentTypeError(f"{text} is no number of seconds")
    return found


def run(arguments: Namespace) -> int:
    """Brings the database and all that belongs to it up to date, and says what it did."""
    if (order := read_order(get_config().server.data_dir)) is not None:
        return _left_to_the_restore(order.backup, as_json=arguments.json)
    progress = Progress(quiet=arguments.json)
    made = make_current(get_config(), progress, arguments.wait)
    progress.end()
    if arguments.json:
        print(json.dumps(made._asdict(), indent=2))
    else:
        print(f"keys       {get_config().server.secrets_dir}\ndatabase   {sentence(made)}")
    return 0


def _left_to_the_restore(backup: str, *, as_json: bool) -> int:
    """What is there now is what is replaced: the part that serves restores first, and does all of this."""
    if as_json:
        print(json.dumps({"restoring": backup}))
    else:
        print(f"restoring  {backup}, as was asked for on the page of the setup")
    return 0
