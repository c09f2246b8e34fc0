"""Light and heavy pieces of work for waiting requests, each in threads of their own."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

import pytest

from matrix_app.sync import work
from matrix_app.sync.consumer import begins_anew
from matrix_app.sync.work import Heavy, WorkQueue

SECONDS = 10.0


def _thread() -> str:
    return threading.current_thread().name.partition("_")[0]


def test_work_that_turns_out_to_be_heavy_goes_on_among_heavy_work() -> None:
    async def story() -> list[str]:
        queue = WorkQueue(1)
        return [await queue.run(_thread), await queue.run(lambda: Heavy(_thread))]

    assert asyncio.run(story()) == ["light-sync", "heavy-sync"]


def test_what_is_known_to_be_heavy_keeps_no_light_work_waiting() -> None:
    async def story() -> None:
        queue, go_on = WorkQueue(1), threading.Event()
        herd = [queue.run(partial(go_on.wait, SECONDS), heavy=True) for _ in range(100)]
        begun = [asyncio.create_task(each) for each in herd]
        assert await asyncio.wait_for(queue.run(_thread), SECONDS) == "light-sync"
        assert not any(task.done() for task in begun)
        go_on.set()
        assert all(await asyncio.gather(*begun))
        assert await queue.run(lambda: Heavy(_thread), heavy=True) == "heavy-sync"

    asyncio.run(story())


def test_heavy_work_is_done_one_piece_at_a_time() -> None:
    async def story() -> None:
        queue, go_on, begun = WorkQueue(1), threading.Event(), list[int]()

        def piece(number: int) -> None:
            begun.append(number)
            assert len(begun) == 1 or go_on.is_set()
            assert go_on.wait(SECONDS)

        first = asyncio.create_task(queue.run(partial(piece, 1), heavy=True))
        second = asyncio.create_task(queue.run(partial(piece, 2), heavy=True))
        while not begun:  # noqa: ASYNC110  (begun in a thread)
            await asyncio.sleep(0.001)
        go_on.set()
        await asyncio.gather(first, second)
        assert begun == [1, 2]

    asyncio.run(story())


def test_beside_heavy_work_that_takes_long_the_next_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "ALONE_SECONDS", 0.01)

    async def story() -> None:
        queue, go_on = WorkQueue(1), threading.Event()
        long = asyncio.create_task(queue.run(partial(go_on.wait, SECONDS), heavy=True))
        await asyncio.sleep(0)
        assert await asyncio.wait_for(queue.run(_thread, heavy=True), SECONDS) == "heavy-sync"
        assert await asyncio.wait_for(queue.run(_thread, heavy=True), SECONDS) == "heavy-sync"
        assert not long.done()
        go_on.set()
        assert await long

    asyncio.run(story())


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/_matrix/client/v3/sync", b"timeout=0&filter=%7B%7D", True),
        ("GET", "/_matrix/client/r0/sync", b"", True),
        ("GET", "/_matrix/client/v3/sync", b"timeout=30000&since=s1", False),
        ("GET", "/_matrix/client/v3/events", b"", False),
        ("POST", "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", b"", False),
    ],
)
def test_a_sync_that_names_no_position_is_known_to_be_heavy(
    method: str, path: str, query: bytes, expected: bool
) -> None:
    scope: dict[str, Any] = {"method": method, "path": path, "query_string": query}
    assert begins_anew(scope) is expected
