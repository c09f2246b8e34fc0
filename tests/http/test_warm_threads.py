"""The thread that was at work last is the next to work."""

from __future__ import annotations

import asyncio
import threading

import pytest

from matrix_app.http.warm_threads import WarmThreads

SECONDS = 10.0


def test_calls_one_after_the_other_are_made_in_one_thread() -> None:
    async def story() -> set[int]:
        threads = WarmThreads(4, "test")
        return {await threads.run(threading.get_ident) for _ in range(20)}

    assert len(asyncio.run(story())) == 1


def test_calls_at_the_same_time_are_made_in_as_many_threads_as_there_may_be() -> None:
    async def story() -> None:
        threads, met = WarmThreads(3, "test"), threading.Barrier(3)
        waiting = [threads.run(met.wait, SECONDS) for _ in range(3)]
        assert sorted(await asyncio.gather(*waiting)) == [0, 1, 2]

    asyncio.run(story())


def test_what_there_is_no_thread_for_is_done_later_in_order() -> None:
    async def story() -> None:
        threads, go_on, done = WarmThreads(1, "test"), threading.Event(), list[int]()
        busy = threads.run(go_on.wait, SECONDS)
        later = [threads.run(done.append, number) for number in range(3)]
        assert done == []
        go_on.set()
        await asyncio.gather(busy, *later)
        assert done == [0, 1, 2]

    asyncio.run(story())


def test_what_a_call_raises_is_raised_where_it_is_awaited_and_its_thread_goes_on() -> None:
    def fail() -> None:
        raise ValueError("no")

    async def story() -> None:
        threads = WarmThreads(1, "test")
        with pytest.raises(ValueError, match="no"):
            await threads.run(fail)
        assert await threads.run(str, 1) == "1"

    asyncio.run(story())


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    async def story() -> None:
        threads, go_on, done = WarmThreads(1, "test"), threading.Event(), list[int]()
        busy = threads.run(go_on.wait, SECONDS)
        threads.run(done.append, 1).cancel()
        go_on.set()
        await busy
        await threads.run(done.append, 2)
        assert done == [2]

    asyncio.run(story())


def test_a_thread_outlives_the_loop_that_it_works_for() -> None:
    threads, go_on = WarmThreads(1, "test"), threading.Event()

    async def leave() -> None:
        threads.run(go_on.wait, SECONDS)

    async def come() -> str:
        coming = threads.run(str, 1)
        go_on.set()
        return str(await coming)

    asyncio.run(leave())
    assert asyncio.run(come()) == "1"


def test_the_loop_may_wait_until_a_thread_has_begun() -> None:
    async def story() -> None:
        threads, done = WarmThreads(1, "test", begin_within=SECONDS), list[int]()
        # What has begun cannot be taken back.
        threads.run(done.append, 1).cancel()
        await threads.run(done.append, 2)
        assert done == [1, 2]

    asyncio.run(story())


@pytest.mark.parametrize("most", [1, 2])
def test_the_loop_does_not_wait_for_a_thread_beside_one_that_is_busy(most: int) -> None:
    async def story() -> None:
        threads, go_on = WarmThreads(most, "test", begin_within=SECONDS), threading.Event()
        busy = threads.run(go_on.wait, SECONDS)
        later = threads.run(str, 1)
        go_on.set()
        assert await busy
        assert await later == "1"

    asyncio.run(story())
