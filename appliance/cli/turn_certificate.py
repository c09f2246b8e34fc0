"""`hearth turn-certificate`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.cli.options import add_json
from appliance.turn_certificate import CERTIFICATE, NoHandover, hand_over, in_storage, placeholder, read_pair

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.turn_certificate import Pair

_PAUSE_SECONDS: Final = 0.5


def add_arguments(parser: ArgumentParser) -> None:
    """Where the certificate is, and where coturn reads it."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--storage", type=Path, metavar="FILE", help="the folder with all that Caddy keeps")
    source.add_argument("--certificate", type=Path, metavar="FILE", help="a certificate, with its chain")
    parser.add_argument("--host", metavar="NAME", help="with --storage: the host that coturn is reached at")
    parser.add_argument("--key", type=Path, metavar="FILE", help="with --certificate: its private key")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="the folder that coturn reads")
    parser.add_argument("--note", type=Path, metavar="FILE", help="make this file when something has changed")
    parser.add_argument(
        "--wait",
        type=float,
        default=0,
        metavar="SECONDS",
        help="as long as Caddy has none, look again so long",
    )
    add_json(parser)
    parser.epilog = (
        "Copies fullchain.pem and privkey.pem, readable by the group of whoever runs it. As long as Caddy "
        "has none there is one for nobody, with which coturn can begin. It reads new ones on SIGUSR2."
    )


def run(arguments: Namespace) -> int:
    """Hands the certificate over, and says whether it was another."""
    try:
        pair = _pair(arguments)
        is_there = (arguments.to / CERTIFICATE).exists()
        changed = False if pair is None and is_there else hand_over(pair or placeholder(), arguments.to)
    except NoHandover as fault:
        print(fault, file=sys.stderr)
        return 1
    if changed and arguments.note:
        arguments.note.touch()
    if arguments.json:
        print(json.dumps({"found": pair is not None, "changed": changed}, indent=2))
    else:
        found = "handed over" if changed else "unchanged"
        print(f"certificate {found}{'' if pair else ': there is none yet'}")
    return 0


def _pair(arguments: Namespace) -> Pair | None:
    if arguments.certificate:
        if arguments.key is None:
            raise NoHandover("--certificate and --key are given together")
        return read_pair(arguments.certificate, arguments.key)
    if arguments.host is None:
        raise NoHandover("--storage and --host are given together")
    return _waited_for(arguments.storage, arguments.host, arguments.wait)


def _waited_for(storage: Path, host: str, seconds: float) -> Pair | None:
    deadline = time.monotonic() + seconds
    while (found := in_storage(storage, host)) is None and time.monotonic() < deadline:
        time.sleep(min(_PAUSE_SECONDS, seconds))
    return found
