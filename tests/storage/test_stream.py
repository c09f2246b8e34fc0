"""Positions of the one stream: in order, never skipped, told after the commit."""

import threading

import pytest
from django.db import connection

from matrix_app.storage import db, stream, typing
from matrix_app.storage.stream import Kind, LogEntry

pytestmark = pytest.mark.django_db(transaction=True)


def test_positions_count_up_and_the_newest_is_the_current_one() -> None:
    with db.write():
        first = stream.append_one(Kind.EVENT, room=1)
        second = stream.append_one(Kind.ACCOUNT_DATA, user=2)
    assert second > first
    assert stream.current_position() == second
    assert [entry.position for entry in stream.entries_after(first)] == [second]


def test_the_stream_does_not_move_outside_a_transaction() -> None:
    with pytest.raises(RuntimeError):
        stream.append_one(Kind.EVENT, room=1)


def test_listeners_hear_of_committed_changes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[LogEntry] = []
    monkeypatch.setattr(stream, "_listeners", [heard.extend])
    with pytest.raises(ZeroDivisionError):
        _append_and_fail()
    assert heard == []
    with db.write():
        position = stream.append_one(Kind.EVENT, room=1)
        assert heard == []
    assert [entry.position for entry in heard] == [position]


def test_nobody_hears_of_no_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[list[LogEntry]] = []
    monkeypatch.setattr(stream, "_listeners", [heard.append])
    with db.write():
        assert stream.append([]) == []
        typing.rooms_changed([])
    assert heard == []


def _append_and_fail() -> None:
    with db.write():
        stream.append_one(Kind.EVENT, room=1)
        raise ZeroDivisionError


def test_a_reader_that_follows_the_log_never_skips_what_many_writers_write() -> None:
    """Readers take the newest visible position as seen: a lower one must not become visible later."""
    seen: list[int] = []
    done = threading.Event()

    def write() -> None:
        for _ in range(25):
            with db.write():
                stream.append_one(Kind.EVENT, room=1)
        connection.close()

    def read() -> None:
        last = 0
        while True:
            finished = done.is_set()
            for entry in stream.entries_after(last):
                seen.append(entry.position)
                last = entry.position
            if finished:
                break
        connection.close()

    writers = [threading.Thread(target=write) for _ in range(6)]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert len(seen) == 150
    assert seen == sorted(seen)


def test_trimming_keeps_the_newest_and_positions_go_on() -> None:
    with db.write():
        for _ in range(10):
            last = stream.append_one(Kind.EVENT, room=1)
        stream.trim(keep=3)
    assert stream.oldest_logged() == last - 3
    with db.write():
        assert stream.append_one(Kind.EVENT, room=1) > last
