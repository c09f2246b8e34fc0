"""Running checks: order, needs, time limits and faults."""

from __future__ import annotations

import threading
import time

import pytest

from appliance.diagnostics.registry import Check, Finding, all_checks, run_checks
from appliance.diagnostics.result import Result, Status, error, ok
from appliance.diagnostics.stored import run_and_store
from matrix_app.storage import check_results, db
from matrix_app.storage.clock import now_ms

pytestmark = pytest.mark.django_db(transaction=True)

SLOW_SECONDS = 5.0


def broken() -> Result:
    raise ValueError("not today")


def slow() -> Result:
    time.sleep(SLOW_SECONDS)
    return ok("at last")


@pytest.fixture
def checks() -> dict[str, Check]:
    """A registry of the test's own."""
    return {}


def declare(checks: dict[str, Check], id: str, result: Result | None = None, **options: object) -> None:
    checks[id] = Check(id, id, lambda: result or ok("fine"), **options)  # type: ignore[arg-type]


def found(findings: list[Finding]) -> dict[str, Status]:
    return {finding.check.id: finding.result.status for finding in findings}


def test_what_needs_a_failed_check_is_not_looked_at(checks: dict[str, Check]) -> None:
    declare(checks, "a.first", error("no"))
    declare(checks, "a.second", needs=("a.first",))
    declare(checks, "a.third", needs=("a.second",))
    declare(checks, "b.other")
    assert found(run_checks(known=checks)) == {
        "a.first": Status.ERROR,
        "a.second": Status.SKIPPED,
        "a.third": Status.SKIPPED,
        "b.other": Status.OK,
    }


def test_a_check_is_chosen_by_its_name_or_its_group_with_what_it_needs(checks: dict[str, Check]) -> None:
    declare(checks, "a.first")
    declare(checks, "b.second", needs=("a.first",))
    declare(checks, "c.third")
    assert set(found(run_checks(["b"], known=checks))) == {"a.first", "b.second"}
    assert set(found(run_checks(["c.third"], known=checks))) == {"c.third"}


def test_a_slow_check_runs_only_when_it_is_named(checks: dict[str, Check]) -> None:
    declare(checks, "a.first")
    declare(checks, "a.slow", is_slow=True)
    assert set(found(run_checks(known=checks))) == set(found(run_checks(["a"], known=checks))) == {"a.first"}
    assert set(found(run_checks(["a.slow"], known=checks))) == {"a.slow"}


def test_a_check_that_breaks_is_an_error_and_one_that_hangs_is_let_go(checks: dict[str, Check]) -> None:
    checks["a.broken"] = Check("a.broken", "Broken", broken)
    checks["a.slow"] = Check("a.slow", "Slow", slow, timeout=0.3)
    began = time.monotonic()
    results = {finding.check.id: finding.result for finding in run_checks(known=checks)}
    assert time.monotonic() - began < SLOW_SECONDS
    assert "not today" in results["a.broken"].summary
    assert results["a.slow"].status == Status.UNKNOWN


def test_several_checks_run_at_a_time(checks: dict[str, Check]) -> None:
    meet = threading.Barrier(3, timeout=5)

    def wait() -> Result:
        meet.wait()
        return ok("met")

    for number in range(3):
        checks[f"a.{number}"] = Check(f"a.{number}", "Meets", wait)
    assert set(found(run_checks(known=checks)).values()) == {Status.OK}


def test_what_was_found_is_kept_with_since_when(checks: dict[str, Check]) -> None:
    declare(checks, "a.first")
    run_and_store(known=checks)
    with db.write():
        db.execute("UPDATE check_result SET since_ts = 5")
    run_and_store(known=checks)
    assert check_results.all_rows()["a.first"].since_ts == 5
    declare(checks, "a.first", error("broken now", fix="mend it"))
    run_and_store(known=checks)
    row = check_results.all_rows()["a.first"]
    assert row.since_ts > 5
    assert (row.status, row.fix, check_results.worst(now_ms())) == ("error", "mend it", "error")


def test_every_check_runs_here_and_names_only_checks_that_are() -> None:
    known = all_checks()
    assert all(need in known for check in known.values() for need in check.needs)
    local = [id for id in known if id.partition(".")[0] in ("database", "machine", "security", "work")]
    results = {finding.check.id: finding.result for finding in run_checks(local)}
    assert results["database.schema"].status == Status.OK
    assert not [id for id, result in results.items() if "check itself failed" in result.summary]
