"""`hearth version`."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from appliance.version import VERSION

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Takes none."""


def run(_arguments: Namespace) -> int:
    """Prints the version."""
    print(f"Hearth {VERSION} (Python {platform.python_version()})")
    return 0
