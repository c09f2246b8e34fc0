#!/usr/bin/env python3
"""How long each page takes with 10,000 users, 5,000 rooms and 100,000 media, and how many statements it runs.

    HEARTH_TEST_DATABASE=[postgresql://...] python tests/bench/pages.py [--check] [--all] [--only /admin/]

Every page of the URL configuration is opened in this process, with every filter, order, tab and search that
it offers. The number of statements is compared with that of a server which has sixty of everything. Prints
the slowest. `--check` fails when a page takes more than 150 ms, or more statements than on the small server.

Judged is what the best visit takes without the time in which it waits for a processor (as Linux counts it,
PostgreSQL's process with it): what is left is work and waiting for disks, nearly the same whatever else the
machine does. A page that is over the budget is visited up to `--most-runs` times.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from matrix_app.storage.cache import clear_all  # noqa: E402
from tests.factories.settings import settings  # noqa: E402
from tests.filled.filling import fill  # noqa: E402
from tests.filled.size import BENCH, PAGES, Size  # noqa: E402
from tests.filled.visits import Visited, Visitor  # noqa: E402

MOST_SECONDS = 0.15
SHOWN = 25


def measured(size: Size, runs: int, most_runs: int, only: str) -> list[Visited]:
    """Every page of a server of a size, on a database of its own."""
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        clear_all()
        began = time.monotonic()
        filled = fill(size, int(time.time() * 1000))
        print(f"filled in {time.monotonic() - began:.0f} s: {size}", file=sys.stderr)
        return list(Visitor(filled, runs, only, budget=MOST_SECONDS, most_runs=most_runs).visits())
    finally:
        teardown_databases(databases, 0)


def key_of(address: str) -> str:
    """The address without the numbers of rows, and places in lists, which are others on each server."""
    return re.sub(r"(?<=after=)[^&]*|(?<=/)\d[\dTZ-]*(?=/)", "…", address)


def main() -> int:
    """Measure and print; 1 when a budget is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--most-runs", type=int, default=40)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--all", action="store_true", help="print every page")
    parser.add_argument("--only", default="", help="the beginning of the addresses that are looked at")
    options = parser.parse_args()
    with settings(rate_limits={"enabled": False}, server={"name": "hearth.example"}):
        few = {key_of(one.address): one.statements for one in measured(PAGES, 1, 1, options.only)}
        many = measured(BENCH, options.runs, options.most_runs, options.only)
    many.sort(key=lambda one: one.best.own_seconds, reverse=True)
    print("| page | judged [ms] | p50 with waiting [ms] | CPU [ms] | statements |\n|---|---:|---:|---:|---:|")
    for one in many if options.all else many[:SHOWN]:
        p50 = statistics.median(spent.seconds for spent in one.spent)
        figures = (one.best.own_seconds, p50, one.best.cpu_seconds)
        print(
            f"| {one.address} | {' | '.join(f'{1000 * each:.0f}' for each in figures)} | {one.statements} |"
        )
    slow = [one.address for one in many if one.best.own_seconds > MOST_SECONDS]
    grown = [one.address for one in many if one.statements > few.get(key_of(one.address), one.statements)]
    print(f"\n{len(many)} pages. Over {MOST_SECONDS * 1000:.0f} ms: {slow}. More statements: {grown}")
    return int(options.check and bool(slow or grown))


if __name__ == "__main__":
    sys.exit(main())
