"""`hearth run`: prepares what a first start needs, then starts everything under one supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.cli.migrate import add_wait
from appliance.launch import start
from appliance.preload import Part

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """How long to wait for the database; everything else is said in the configuration."""
    add_wait(parser)
    parser.epilog = "The configuration is hearth.toml, or the file that HEARTH_CONFIG names."


def run(arguments: Namespace) -> int:
    """Runs the server until it is told to stop."""
    return start(*Part, wait_seconds=arguments.wait)
