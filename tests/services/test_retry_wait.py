"""How long failures are left alone."""

from __future__ import annotations

from matrix_app.services.retry_wait import growing, spread


def test_a_wait_doubles_with_each_failure_up_to_the_longest() -> None:
    assert [growing(10, failures, 65) for failures in range(5)] == [10, 20, 40, 65, 65]
    assert growing(1, 10_000, 300_000) == 65_536


def test_waits_of_those_who_failed_together_differ_by_a_fifth_at_most() -> None:
    waits = {spread(1000) for _ in range(200)}
    assert len(waits) > 1
    assert all(800 <= wait <= 1000 for wait in waits)
