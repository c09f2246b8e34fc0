"""`hearth setup-url`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.config import get_config
from appliance.setup_code import invitation

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Takes none."""
    parser.epilog = "A code that was printed before is no longer valid."


def run(_arguments: Namespace) -> int:
    """Prints the address and a new code."""
    for name, value in invitation(get_config()).items():
        print(f"{name:<10} {value}")
    return 0
