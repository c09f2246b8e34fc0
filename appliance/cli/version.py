"""`hearth version`."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

from appliance.cli.options import add_json
from appliance.version import OLDEST_CODE, VERSION

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """How it is told."""
    add_json(parser)


def run(arguments: Namespace) -> int:
    """Prints the version."""
    python = platform.python_version()
    if arguments.json:
        told = {"version": VERSION, "oldest_compatible_version": OLDEST_CODE, "python": python}
        print(json.dumps(told, indent=2))
    else:
        print(f"Hearth {VERSION} (Python {python})")
    return 0
