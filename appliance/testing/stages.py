"""The stages of a test run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.testing.postgresql import throwaway_cluster
from appliance.testing.results import Result, failed_tests, looked_at_again, of_check, of_pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROJECT = Path(__file__).resolve().parents[2]
WORKERS = 2
# The longest stage takes 25 minutes on two cores, and twice that where these are slow.
LONGEST_SECONDS = 55 * 60
# So many failed tests of a stage are run once more, by themselves (ADR 18). More are no accident.
MOST_SECOND_LOOKS = 5

# What is slow starts real servers, and tests both databases by itself.
FAST = ("-m", "not slow")
# Each worker begins with a half of them in a row: a server is started once for the tests that share it.
SLOW = ("-m", "slow", "--dist", "worksteal")
# These tests know no database, so once is enough.
PURE = ("--ignore=tests/protocol", "--ignore=tests/appliance/config")


class Check(NamedTuple):
    """A program that looks at the source."""

    stage: str
    command: tuple[str, ...]


CHECKS = (
    Check("format", ("-m", "ruff", "format", "--check", ".")),
    Check("lint", ("-m", "ruff", "check", "--output-format", "concise", ".")),
    Check("types", ("-m", "mypy", "--no-error-summary", ".")),
    Check("imports", ("-c", "from importlinter.cli import lint_imports_command as main; main()")),
)


def run_check(check: Check) -> Result:
    """Runs one check; its complaints go to the standard output."""
    began = time.monotonic()
    print(f"== {check.stage}", flush=True)
    code = _run([sys.executable, *check.command], dict(os.environ))
    return of_check(check.stage, code, time.monotonic() - began)


def run_pytest(stage: str, database_url: str, arguments: Sequence[str]) -> Result:
    """Runs pytest on a database; an empty URL is a new SQLite file."""
    print(f"== {stage}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hearth-report-") as folder:
        report = Path(folder) / "report.xml"
        first = _pytest(stage, database_url, report, ["-n", str(WORKERS), *arguments])
        failed = failed_tests(report)
        if not failed or len(failed) > MOST_SECOND_LOOKS or first.failed > MOST_SECOND_LOOKS:
            return first
        print(f"== {stage}, what failed by itself", flush=True)
        again = _pytest(stage, database_url, Path(folder) / "again.xml", failed)
        return looked_at_again(first, failed, again)


def _pytest(stage: str, database_url: str, report: Path, arguments: Sequence[str]) -> Result:
    began = time.monotonic()
    environment = {**os.environ, "HEARTH_TEST_DATABASE": database_url}
    code = _run([sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments], environment)
    return of_pytest(stage, report, code, time.monotonic() - began)


def _run(command: list[str], environment: dict[str, str]) -> int:
    """The exit code; what takes too long is ended with all its children."""
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, start_new_session=True)
    try:
        return process.wait(LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"ended after {LONGEST_SECONDS} s", file=sys.stderr, flush=True)
        return 1
    finally:
        with _nobody_left():
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _nobody_left() -> Iterator[None]:
    try:
        yield
    except ProcessLookupError:
        return


def all_stages(programs: Path | None, arguments: Sequence[str], *, sqlite: bool, slow: bool) -> list[Result]:
    """Runs the tests on SQLite, and on PostgreSQL when its programs are given."""
    results = [run_pytest("SQLite", "", [*FAST, *arguments])] if sqlite else []
    if programs is None:
        if slow:
            results.append(run_pytest("servers", "", [*SLOW, *arguments]))
        return results
    pure = [] if arguments else PURE
    with throwaway_cluster(programs) as url:
        results.append(run_pytest("PostgreSQL", url, [*FAST, *pure, *arguments]))
        if slow:
            results.append(run_pytest("servers", url, [*SLOW, *arguments]))
    return results
