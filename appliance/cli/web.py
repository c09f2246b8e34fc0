"""`hearth web`: the web processes alone, for systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.launch import start
from appliance.preload import Part

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Takes none."""
    parser.epilog = (
        "Serves on the sockets that systemd hands over, or else on those of server.listen. "
        "`hearth migrate` must have run before; `hearth worker` does the work that nobody waits for."
    )


def run(_arguments: Namespace) -> int:
    """Serves until it is told to stop."""
    return start(Part.WEB)
