"""`hearth render-turn`."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config import get_config
from appliance.config.addresses import parse_ports
from appliance.turn_server import NoSecret, Relay, configuration, relay_of, rotate

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """What only the owner knows of the machine."""
    parser.add_argument(
        "--ports", type=_ports, metavar="LOW-HIGH", help="UDP ports for relayed calls (turn.relay_ports)"
    )
    parser.add_argument(
        "--external-ip",
        metavar="ADDRESS",
        help="the public address, behind NAT; PUBLIC/PRIVATE too (turn.external_ip)",
    )
    parser.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="for turns: a certificate, with its chain (turn.certificate_file)",
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="the private key of the certificate (turn.key_file)"
    )
    parser.add_argument(
        "--container", action="store_true", help="for coturn in a container: logs to the standard output"
    )
    parser.add_argument(
        "--rotate",
        action="store_true",
        help="make a new secret first; the one before stays valid until the next time",
    )
    parser.epilog = "Prints the configuration, which holds the secret: coturn must be started again with it."


def run(arguments: Namespace) -> int:
    """Prints the configuration, or what is missing."""
    if (arguments.certificate is None) != (arguments.key is None):
        print("--certificate and --key are given together", file=sys.stderr)
        return 2
    relay = _relay(arguments)
    try:
        if arguments.rotate:
            rotate(get_config())
        print(configuration(get_config(), relay), end="")
    except NoSecret as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _relay(arguments: Namespace) -> Relay:
    """What the configuration says, and over it what the arguments do."""
    given = {
        "ports": arguments.ports,
        "external_ip": arguments.external_ip,
        "certificate": arguments.certificate,
        "key": arguments.key,
        "container": arguments.container,
    }
    return relay_of(get_config())._replace(
        **{name: value for name, value in given.items() if value is not None}
    )


def _ports(text: str) -> tuple[int, int]:
    try:
        return parse_ports(text)
    except ValueError as fault:
        raise ArgumentTypeError(str(fault)) from fault
