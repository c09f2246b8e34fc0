"""`hearth config`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.cli.options import add_json
from appliance.config import get_config
from appliance.config.addresses import parse_database_url
from appliance.config.shown import settings_in_effect

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Whether to leave out what was not changed."""
    parser.add_argument("--changed", action="store_true", help="only what differs from the defaults")
    add_json(parser)
    parser.epilog = "Passwords and other secrets are hidden."


def run(arguments: Namespace) -> int:
    """Prints every setting as key = value; a wrong configuration is told by its errors instead."""
    _look_at_pages()
    found = [one for one in settings_in_effect() if one.is_changed or not arguments.changed]
    if arguments.json:
        print(json.dumps({one.name: {"toml": one.text, "source": one.source} for one in found}, indent=2))
        return 0
    for one in found:
        print(f"{one.name} = {one.text}{'  # changed on a page' if one.source == 'page' else ''}")
    return 0


def _look_at_pages() -> None:
    """Take over what was changed on pages, where there is a database yet."""
    import django
    from django.db import DatabaseError

    config = get_config()
    address = parse_database_url(config.database.url, config.server.data_dir)
    if address.engine == "sqlite" and not Path(address.name).exists():
        return
    django.setup()
    from appliance.config.stored import refresh

    try:
        refresh(now=True)
    except DatabaseError as fault:
        print(f"without what was changed on pages: {str(fault).strip()}", file=sys.stderr)
