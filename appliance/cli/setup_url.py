"""`hearth setup-url`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django
from django.db import DatabaseError

from appliance.config import get_config
from appliance.config.addresses import public_address
from appliance.setup_code import invitation

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Takes none."""
    parser.epilog = "A code that was printed before is no longer valid."


def run(_arguments: Namespace) -> int:
    """Prints the address and a new code; only the address of a server that has been set up."""
    config = get_config()
    if not _is_open():
        print(f"this server has been set up: {public_address(config)}/admin/")
        return 0
    for name, value in invitation(config).items():
        print(f"{name:<10} {value}")
    return 0


def _is_open() -> bool:
    django.setup()
    from matrix_app.services.setup import is_open

    try:
        return is_open()
    except DatabaseError:  # not made yet: the server has never run
        return True
