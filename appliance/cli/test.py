"""`hearth test`: the checks of the source, and all tests on both databases."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from appliance.testing.results import table
from appliance.testing.stages import CHECKS, all_stages, run_check
from appliance.testing.system_packages import Missing, add_wanted, ensure_packages

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.testing.results import Result


def add_arguments(parser: ArgumentParser) -> None:
    """Which part to run; without any, everything."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these tests, and none of the checks")
    parser.add_argument(
        "--quick", action="store_true", help="the checks, and the tests on SQLite that start no servers"
    )
    parser.add_argument(
        "--database", choices=["sqlite", "postgresql", "both"], help="the databases to test on (both)"
    )


def run(arguments: Namespace) -> int:
    """Runs the stages, and sums them up; 0 when nothing failed."""
    database = arguments.database or ("sqlite" if arguments.quick else "both")
    try:
        programs = None if database == "sqlite" else ensure_packages()
    except Missing as fault:
        print(fault, file=sys.stderr)
        return 1
    if not arguments.quick:
        add_wanted()
    began = time.monotonic()
    results: list[Result] = [] if arguments.paths else [run_check(check) for check in CHECKS]
    results += all_stages(
        programs, arguments.paths, sqlite=database != "postgresql", slow=not arguments.quick
    )
    print(f"\n{table(results)}", flush=True)
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
    return int(any(result.failed for result in results))
