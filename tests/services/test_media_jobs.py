"""Work on media in a few threads, and files on their way here."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import IO

import pytest

from matrix_app.protocol.errors import MatrixError, NotFound, RemoteUnreachable, Unavailable
from matrix_app.services import fetches
from matrix_app.services.fetches import Fetch, Fetches, RemoteFile
from matrix_app.services.media_jobs import Jobs
from matrix_app.services.store_media import GivenFile

pytestmark = pytest.mark.django_db(transaction=True)


def test_those_who_want_the_same_share_one_run() -> None:
    jobs, go, runs = Jobs("test", 1), threading.Event(), []

    def job() -> str:
        runs.append(1)
        assert go.wait(10)
        return "done"

    first, second = jobs.submit("a", job), jobs.submit("a", job)
    assert first is second
    go.set()
    assert first.result(10) == "done"
    assert jobs.submit("a", job).result(10) == "done"
    assert len(runs) == 2


def test_only_so_many_wait() -> None:
    jobs, go = Jobs("test", 1, most=2), threading.Event()
    waiting = [jobs.submit(name, lambda: go.wait(10)) for name in "ab"]
    with pytest.raises(Unavailable):
        jobs.submit("c", lambda: True)
    go.set()
    assert all(future.result(10) for future in waiting)


class Source:
    """Files whose arrival the test decides."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[IO[bytes], Future[RemoteFile]]] = []

    def download(self, into: IO[bytes]) -> Future[RemoteFile]:
        future: Future[RemoteFile] = Future()
        self.arrivals.append((into, future))
        return future

    def arrive(self, content: bytes) -> None:
        into, future = self.arrivals.pop(0)
        into.write(content)
        future.set_result(RemoteFile("text/plain", "a.txt"))

    def fail(self, error: Exception) -> IO[bytes]:
        into, future = self.arrivals.pop(0)
        future.set_exception(error)
        return into


def read(given: GivenFile) -> bytes:
    return given.file.read()


def test_a_file_is_stored_once_it_has_arrived() -> None:
    source, flying = Source(), Fetches()
    outcomes = [flying.start(Fetch("a", source.download, read)) for _ in range(3)]
    assert len(source.arrivals) == 1
    into = source.arrivals[0][0]
    source.arrive(b"content")
    assert [outcome.result(10) for outcome in outcomes] == [b"content"] * 3
    assert into.closed


def test_a_failure_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    source, flying = Source(), Fetches()
    outcome = flying.start(Fetch("a", source.download, read))
    into = source.fail(NotFound("no"))
    with pytest.raises(NotFound):
        outcome.result(10)
    assert into.closed
    with pytest.raises(NotFound):
        flying.start(Fetch("a", source.download, read))
    assert source.arrivals == []
    monkeypatch.setattr(fetches, "FAULT_SECONDS", 0.0)
    flying.start(Fetch("b", source.download, read))
    source.fail(NotFound("no"))
    flying.start(Fetch("b", source.download, read))
    assert len(source.arrivals) == 1


def test_a_fault_of_the_program_reaches_those_who_wait_and_is_not_remembered() -> None:
    source, flying = Source(), Fetches()
    outcome = flying.start(Fetch("a", source.download, lambda _: 1 // 0))
    source.arrive(b"x")
    with pytest.raises(ZeroDivisionError):
        outcome.result(10)
    flying.start(Fetch("a", source.download, read))
    assert len(source.arrivals) == 1


def test_a_fetch_that_is_cancelled_is_told_as_no_answer() -> None:
    source, flying = Source(), Fetches()
    outcome = flying.start(Fetch("a", source.download, read))
    _, future = source.arrivals.pop()
    future.cancel()
    with pytest.raises(RemoteUnreachable):
        outcome.result(10)


def test_only_so_many_files_are_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetches, "MOST_FETCHES", 2)
    source, flying = Source(), Fetches()
    for name in "ab":
        flying.start(Fetch(name, source.download, read))
    with pytest.raises(Unavailable):
        flying.start(Fetch("c", source.download, read))


def test_a_download_that_cannot_begin_leaves_nothing_behind() -> None:
    flying = Fetches()

    def refuse(_into: IO[bytes]) -> Future[RemoteFile]:
        raise MatrixError("no")

    with pytest.raises(MatrixError):
        flying.start(Fetch("a", refuse, read))
    assert flying._running == {}
