"""What the stages of a test run found, and how it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Result(NamedTuple):
    """The outcome of one stage. `unsteady` are tests that failed first, and passed by themselves (ADR 18)."""

    stage: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    unsteady: tuple[str, ...] = ()


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


def failed_tests(report: Path) -> list[str]:
    """The tests of pytest's report that did not pass, as pytest is asked for them."""
    if not report.exists():
        return []
    cases = ElementTree.parse(report).getroot().iter("testcase")
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return list(dict.fromkeys(_node_id(case) for case in bad))


def _node_id(case: ElementTree.Element) -> str:
    return f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '')}"


def looked_at_again(first: Result, tests: Sequence[str], again: Result) -> Result:
    """The outcome of a stage whose failed tests were run once more: it stays, unless all of them passed."""
    if again.failed or again.passed != len(tests):
        return first._replace(seconds=first.seconds + again.seconds)
    return first._replace(
        passed=first.passed + len(tests),
        failed=0,
        seconds=first.seconds + again.seconds,
        unsteady=tuple(tests),
    )


def table(results: Sequence[Result]) -> str:
    """The stages as rows, what is unsteady by name, and the line that sums them up."""
    width = max([len(result.stage) for result in results] + [len("stage")])
    lines = [f"{'stage':<{width}} {'passed':>7} {'failed':>7} {'skipped':>7} {'seconds':>8}"]
    for stage, passed, failed, skipped, seconds, _ in results:
        lines.append(f"{stage:<{width}} {passed:>7} {failed:>7} {skipped:>7} {seconds:>8.1f}")
    lines += [f"UNSTEADY, a fault to mend: {name}" for result in results for name in result.unsteady]
    return "\n".join([*lines, "", summary(results)])


def summary(results: Sequence[Result]) -> str:
    """N passed, N failed, N skipped: of all stages together; and N unsteady, of those that passed, if any."""
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(result.skipped for result in results)
    unsteady = sum(len(result.unsteady) for result in results)
    return f"{passed} passed, {failed} failed, {skipped} skipped" + (
        f", {unsteady} unsteady" if unsteady else ""
    )
