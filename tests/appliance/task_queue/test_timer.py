"""The timer of the task under way."""

from __future__ import annotations

from appliance.task_queue.worker import Timer


def test_without_a_task_no_time_runs_out() -> None:
    timer = Timer()
    assert not timer.take(1000)
    assert timer.value == Timer.IDLE


def test_the_time_of_a_task_runs_out_once_it_was_all_taken() -> None:
    timer = Timer()
    timer.value = 5.0
    assert [timer.take(2.0) for _ in range(4)] == [False, False, True, False]
