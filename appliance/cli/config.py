"""`hearth config`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.config import Config, get_config
from appliance.config.keys import keys_of
from appliance.config.sample import toml

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from appliance.config.fields import Section

SECRET = re.compile(r"password$|private_key$|secret$")
PASSWORD_IN_URL = re.compile(r"(?<=:)[^:@/]+(?=@)")


def add_arguments(parser: ArgumentParser) -> None:
    """Whether to leave out what was not changed."""
    parser.add_argument("--changed", action="store_true", help="only what differs from the defaults")


def run(arguments: Namespace) -> int:
    """Prints every setting as key = value; a wrong configuration is told by its errors instead."""
    defaults = dict(settings(Config(), ""))
    for key, value in settings(get_config(), ""):
        if not arguments.changed or defaults[key] != value:
            print(f"{key} = {value}")
    return 0


def settings(section: Section, prefix: str) -> Iterator[tuple[str, str]]:
    """Keys and values, with passwords hidden."""
    for key in keys_of(type(section)):
        value = getattr(section, key.name)
        if key.section is not None:
            yield from settings(value, f"{prefix}{key.name}.")
        elif SECRET.search(key.name) and value:
            yield prefix + key.name, '"(hidden)"'
        else:
            yield prefix + key.name, PASSWORD_IN_URL.sub("(hidden)", toml(value))
