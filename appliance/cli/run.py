"""`hearth run`: prepares what a first start needs, then starts everything under one supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.launch import Part, start

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Takes none: everything is said in the configuration."""
    parser.epilog = "The configuration is hearth.toml, or the file that HEARTH_CONFIG names."


def run(_arguments: Namespace) -> int:
    """Runs the server until it is told to stop."""
    return start(*Part)
