"""What the stages of a test run found, and how it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Result(NamedTuple):
    """The outcome of one stage."""

    stage: str
    passed: int
    failed: int
    skipped: int
    seconds: float


def of_check(stage: str, code: int, seconds: float) -> Result:
    """A check counts as one test."""
    return Result(stage, int(code == 0), int(code != 0), 0, seconds)


def of_pytest(stage: str, report: Path, code: int, seconds: float) -> Result:
    """Reads pytest's report. A run that ended badly without a failed test counts as one failure."""
    total = failed = skipped = 0
    if report.exists():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            total += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    nothing_to_run = code == 5
    if code and not failed and not nothing_to_run:
        failed = 1
    return Result(stage, max(0, total - failed - skipped), failed, skipped, seconds)


def table(results: Sequence[Result]) -> str:
    """The stages as rows, and the line that sums them up."""
    width = max([len(result.stage) for result in results] + [len("stage")])
    lines = [f"{'stage':<{width}} {'passed':>7} {'failed':>7} {'skipped':>7} {'seconds':>8}"]
    for stage, passed, failed, skipped, seconds in results:
        lines.append(f"{stage:<{width}} {passed:>7} {failed:>7} {skipped:>7} {seconds:>8.1f}")
    return "\n".join([*lines, "", summary(results)])


def summary(results: Sequence[Result]) -> str:
    """N passed, N failed, N skipped: of all stages together."""
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(result.skipped for result in results)
    return f"{passed} passed, {failed} failed, {skipped} skipped"
