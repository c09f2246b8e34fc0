"""`hearth doctor`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from appliance.cli.options import add_json

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from appliance.diagnostics.registry import Finding
    from matrix_app.storage.check_mutes import MuteRow

    Mutes = dict[str, MuteRow]

_MARKS = {"ok": "ok", "info": "--", "skipped": "..", "unknown": "??", "warn": "!!", "error": "XX"}


def add_arguments(parser: ArgumentParser) -> None:
    """What is looked at, and how it is told."""
    parser.add_argument(
        "checks",
        nargs="*",
        metavar="CHECK",
        help="a check or a group of checks, such as database (default: all)",
    )
    add_json(parser)
    parser.add_argument(
        "--store", action="store_true", help="keep what was found, for the page that shows it"
    )
    parser.epilog = "The exit code is 1 when something does not work, and 0 when there are warnings at most. "
    parser.epilog += "What was muted on the page Checks does not count."


def run(arguments: Namespace) -> int:
    """Runs the checks and tells what they found; 1 when something does not work."""
    import django

    django.setup()
    from appliance.diagnostics.registry import all_checks, run_checks
    from appliance.diagnostics.result import Status
    from appliance.diagnostics.stored import run_and_store

    known = all_checks()
    groups = {check.group for check in known.values()}
    unknown = [name for name in arguments.checks if name not in known and name not in groups]
    if unknown:
        print(f"there is no check {unknown[0]}; groups: {', '.join(sorted(groups))}", file=sys.stderr)
        return 2
    muted = _muted()
    tell = _nothing if arguments.json else _printing(muted)
    look = run_and_store if arguments.store else run_checks
    findings = look(arguments.checks or None, tell)
    if arguments.json:
        print(
            json.dumps({"checks": [_as_json(finding, muted) for finding in findings]}, indent=2, default=str)
        )
    heard = [finding for finding in findings if finding.check.id not in muted]
    return int(any(finding.result.status == Status.ERROR for finding in heard))


def _muted() -> Mutes:
    """The muted checks; none where the database does not answer, of which its own checks tell."""
    from django.db import DatabaseError

    from matrix_app.storage import check_mutes
    from matrix_app.storage.clock import now_ms

    try:
        return check_mutes.present(now_ms())
    except DatabaseError:
        return {}


def _nothing(_finding: Finding) -> None:
    """Everything is printed at the end."""


def _printing(muted: Mutes) -> Callable[[Finding], None]:
    return lambda finding: _print(finding, muted.get(finding.check.id))


def _print(finding: Finding, mute: MuteRow | None) -> None:
    result = finding.result
    print(f"{_MARKS[result.status.value]} {finding.check.title}: {result.summary}", flush=True)
    if mute is not None:
        print(f"       muted {_until(mute)}: {mute.reason}", flush=True)
    for text in (result.detail, f"to do: {result.fix}" if result.fix else "", result.snippet):
        for line in text.splitlines():
            print(f"       {line}", flush=True)


def _until(mute: MuteRow) -> str:
    if mute.until_ts is None:
        return "for good"
    return f"until {datetime.fromtimestamp(mute.until_ts / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _as_json(finding: Finding, muted: Mutes) -> dict[str, Any]:
    result, mute = finding.result._asdict(), muted.get(finding.check.id)
    return {
        "id": finding.check.id,
        "title": finding.check.title,
        "seconds": round(finding.seconds, 3),
        **result,
        "muted": None if mute is None else {"reason": mute.reason, "until_ts": mute.until_ts},
    }
