"""The event loop that synchronous callers hand their coroutines to."""

from __future__ import annotations

import asyncio
import threading

import pytest

from matrix_app.federation import loop
from matrix_app.protocol.errors import RemoteUnreachable

pytestmark = pytest.mark.usefixtures("own_loop")


def test_a_coroutine_runs_in_another_thread_and_its_result_comes_back() -> None:
    async def where() -> str:
        return threading.current_thread().name

    assert loop.run(where(), 5) == "federation"
    assert loop.submit(where()).result(5) == "federation"


def test_its_error_comes_back_too() -> None:
    async def fail() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        loop.run(fail(), 5)


def test_one_that_takes_too_long_is_cancelled() -> None:
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    with pytest.raises(RemoteUnreachable):
        loop.run(wait(), 0.05)
    assert cancelled.wait(5)


def test_the_loop_never_waits_for_itself() -> None:
    async def nothing() -> None: ...

    async def wait_here() -> None:
        loop.run(nothing(), 1)

    with pytest.raises(RuntimeError):
        loop.run(wait_here(), 5)


def test_what_blocks_runs_in_threads_beside_the_loop() -> None:
    async def blocking() -> list[str]:
        return await asyncio.gather(*(loop.in_thread(lambda: threading.current_thread().name) for _ in "ab"))

    assert all(name.startswith("federation-work") for name in loop.run(blocking(), 5))


def test_after_an_end_there_is_another_beginning() -> None:
    first = loop.loop_thread()
    assert loop.loop_thread() is first
    loop.stop()
    assert loop.loop_thread() is not first
