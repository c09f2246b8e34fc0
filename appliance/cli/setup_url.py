"""`hearth setup-url`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import django
from django.db import DatabaseError

from appliance.cli.options import add_json
from appliance.config import get_config
from appliance.config.addresses import public_address
from appliance.setup_code import invitation

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """How it is told."""
    add_json(parser)
    parser.epilog = "A code that was printed before is no longer valid."


def run(arguments: Namespace) -> int:
    """Prints the address and a new code; only the address of a server that has been set up."""
    config = get_config()
    if not _is_open():
        address = f"{public_address(config)}/admin/"
        done = {"set_up": True, "address": address}
        print(json.dumps(done, indent=2) if arguments.json else f"this server has been set up: {address}")
        return 0
    told = invitation(config)
    if arguments.json:
        named = {name.replace(" ", "_"): value for name, value in told.items()}
        code = named["setup_code"].split()[0]
        print(json.dumps({"set_up": False, **named, "setup_code": code}, indent=2))
        return 0
    for name, value in told.items():
        print(f"{name:<10} {value}")
    return 0


def _is_open() -> bool:
    django.setup()
    from matrix_app.services.setup import is_open

    try:
        return is_open()
    except DatabaseError:  # not made yet: the server has never run
        return True
