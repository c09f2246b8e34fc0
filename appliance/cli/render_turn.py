"""`hearth render-turn`."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config import get_config
from appliance.turn_server import NoSecret, Relay, configuration, rotate

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """What only the owner knows of the machine."""
    parser.add_argument(
        "--ports", type=_ports, default=Relay().ports, metavar="LOW-HIGH", help="UDP ports for relayed calls"
    )
    parser.add_argument(
        "--external-ip",
        default="",
        metavar="ADDRESS",
        help="the public address, behind NAT; PUBLIC/PRIVATE too",
    )
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="for turns: a certificate, with its chain"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="the private key of the certificate")
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
    relay = Relay(
        arguments.ports, arguments.external_ip, arguments.certificate, arguments.key, arguments.container
    )
    try:
        if arguments.rotate:
            rotate(get_config())
        print(configuration(get_config(), relay), end="")
    except NoSecret as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _ports(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    if not (low.isdigit() and high.isdigit() and 1024 <= int(low) <= int(high) <= 65535):
        raise ArgumentTypeError(f"{text} is not a range of ports such as 49152-49251")
    return int(low), int(high)
