"""`hearth worker`: the worker processes alone, for systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.launch import start
from appliance.preload import Part

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Takes none."""
    parser.epilog = "`hearth migrate` must have run before; `hearth web` answers requests."


def run(_arguments: Namespace) -> int:
    """Works until it is told to stop."""
    return start(Part.WORKER)
