"""`hearth turn-certificate`."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from appliance.cli.options import add_json
from appliance.process import end_when_told
from appliance.turn_certificate import CERTIFICATE, NoHandover, hand_over, in_storage, placeholder, read_pair

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.turn_certificate import Pair

_PAUSE_SECONDS: Final = 0.5


class Done(NamedTuple):
    """What came of looking: whether there is a certificate, and whether coturn had another one before."""

    found: bool
    changed: bool


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
    parser.add_argument(
        "--every", type=_seconds, metavar="SECONDS", help="stay, and look again after so many seconds"
    )
    add_json(parser)
    parser.epilog = (
        "Copies fullchain.pem and privkey.pem, readable by the group of whoever runs it. As long as Caddy "
        "has none there is one for nobody, with which coturn can begin. It reads new ones on SIGUSR2."
    )


def run(arguments: Namespace) -> int:
    """Hands the certificate over, and says whether it was another."""
    try:
        _check(arguments)
        if arguments.every is not None:
            _stay(arguments)
        done = _look(arguments)
    except NoHandover as fault:
        print(fault, file=sys.stderr)
        return 1
    _tell(done, arguments)
    return 0


def _check(arguments: Namespace) -> None:
    if (arguments.certificate is None) != (arguments.key is None):
        raise NoHandover("--certificate and --key are given together")
    if (arguments.storage is None) != (arguments.host is None):
        raise NoHandover("--storage and --host are given together")


def _stay(arguments: Namespace) -> None:
    """Look again and again until a signal ends it; what is the same as before is told once."""
    end_when_told()
    last: Done | str | None = None
    while True:
        try:
            done = _look(arguments)
            if done.changed or done != last:
                _tell(done, arguments)
            last = done._replace(changed=False)
        except NoHandover as fault:
            if str(fault) != last:
                print(fault, file=sys.stderr, flush=True)
            last = str(fault)
        time.sleep(arguments.every)


def _look(arguments: Namespace) -> Done:
    pair = _pair(arguments)
    is_there = (arguments.to / CERTIFICATE).exists()
    changed = False if pair is None and is_there else hand_over(pair or placeholder(), arguments.to)
    if changed and arguments.note:
        arguments.note.touch()
    return Done(pair is not None, changed)


def _tell(done: Done, arguments: Namespace) -> None:
    if arguments.json:
        print(json.dumps(done._asdict(), indent=None if arguments.every else 2), flush=True)
        return
    what = "handed over" if done.changed else "unchanged"
    print(f"certificate {what}{'' if done.found else ': there is none yet'}", flush=True)


def _pair(arguments: Namespace) -> Pair | None:
    if arguments.certificate:
        return read_pair(arguments.certificate, arguments.key)
    return _waited_for(arguments.storage, arguments.host, arguments.wait)


def _waited_for(storage: Path, host: str, seconds: float) -> Pair | None:
    deadline = time.monotonic() + seconds
    while (found := in_storage(storage, host)) is None and time.monotonic() < deadline:
        time.sleep(min(_PAUSE_SECONDS, seconds))
    return found


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.05 <= found <= 86_400:
        raise ArgumentTypeError(f"{text} is no number of seconds up to a day")
    return found
