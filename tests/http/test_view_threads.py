"""Views that wait for other servers keep no other request waiting."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from matrix_app.http.bridge import _sent, _stream
from matrix_app.http.request_body import ClientGoneError
from matrix_app.http.view_threads import ViewThreads, waiting_for_others
from matrix_app.protocol.errors import Unavailable

SECONDS = 10.0


def _threads(waiting: int = 2) -> ViewThreads:
    return ViewThreads("test", threads=1, waiting=waiting, queue=5)


def _wait(answered: threading.Event, began: threading.Event) -> str:
    with waiting_for_others():
        began.set()
        assert answered.wait(SECONDS)
    return "answered"


def _work() -> str:
    return "worked"


def test_a_view_that_waits_for_others_lets_the_next_have_its_turn() -> None:
    async def story() -> None:
        threads, answered, began = _threads(), threading.Event(), threading.Event()
        hanging = asyncio.create_task(threads.run(_wait, answered, began))
        async with asyncio.timeout(SECONDS):
            assert await threads.run(_work) == "worked"
            assert not hanging.done()
            answered.set()
            assert await hanging == "answered"

    asyncio.run(story())


def test_views_that_only_work_have_as_many_threads_as_are_configured() -> None:
    async def story() -> None:
        threads, go_on = _threads(), threading.Event()
        first = asyncio.create_task(threads.run(go_on.wait, SECONDS))
        second = asyncio.create_task(threads.run(_work))
        await asyncio.sleep(0.05)
        assert not second.done()
        go_on.set()
        assert (await first, await second) == (True, "worked")

    asyncio.run(story())


def test_no_more_wait_for_others_than_are_allowed_to() -> None:
    async def story() -> None:
        threads, answered = _threads(waiting=2), threading.Event()
        begun = [threading.Event() for _ in range(2)]
        hanging = [asyncio.create_task(threads.run(_wait, answered, began)) for began in begun]
        for began in begun:
            await asyncio.to_thread(began.wait, SECONDS)
        with pytest.raises(Unavailable):
            await threads.run(_wait, answered, threading.Event())
        answered.set()
        assert await asyncio.gather(*hanging) == ["answered"] * 2
        assert await threads.run(_wait, answered, threading.Event()) == "answered"

    asyncio.run(story())


def test_a_request_beyond_the_queue_is_refused() -> None:
    threads = ViewThreads("test", threads=1, waiting=0, queue=0)
    with threads, pytest.raises(Unavailable), threads:
        pass
    with threads:
        pass


def test_who_reads_an_answer_slowly_keeps_no_other_request_waiting() -> None:
    async def story() -> None:
        threads, reading = _threads(), asyncio.Event()
        loop = asyncio.get_running_loop()

        async def send(_message: dict[str, Any]) -> None:
            await reading.wait()

        slow = asyncio.create_task(threads.run(_stream, [b"part"], {"type": "start"}, loop, send))
        async with asyncio.timeout(SECONDS):
            assert await threads.run(_work) == "worked"
            reading.set()
            await slow

    asyncio.run(story())


def test_who_reads_nothing_of_an_answer_is_let_go() -> None:
    async def send(_message: dict[str, Any]) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ClientGoneError):
        asyncio.run(_sent(send, {}, 0.01))
