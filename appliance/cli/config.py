"""`hearth config`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from appliance.cli.options import add_json
from appliance.cli.page_settings import look_at_pages
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
    look_at_pages()
    found = [one for one in settings_in_effect() if one.is_changed or not arguments.changed]
    if arguments.json:
        print(json.dumps({one.name: {"toml": one.text, "source": one.source} for one in found}, indent=2))
        return 0
    for one in found:
        print(f"{one.name} = {one.text}{'  # changed on a page' if one.source == 'page' else ''}")
    return 0
