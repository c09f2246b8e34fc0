"""Processes tell one another that the stream has moved."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection
from typing import Any

import psycopg
import pytest
from django.db import connection

from matrix_app.storage import db
from matrix_app.storage.stream import Kind, LogEntry
from matrix_app.sync import wakeup_notes, wakeup_sockets, wakeups

pytestmark = pytest.mark.django_db(transaction=True)


def test_everybody_in_a_process_who_listens_is_woken_by_another() -> None:
    woken = [threading.Event() for _ in range(3)]
    for event in woken:
        wakeups.listen(event.set)
    deadline = 50
    while not all(event.is_set() for event in woken) and deadline:
        _tell_from_another_process()
        woken[0].wait(0.1)
        deadline -= 1
    assert all(event.is_set() for event in woken)


def test_whoever_listens_for_a_topic_is_woken_by_that_alone() -> None:
    joins, stream = threading.Event(), threading.Event()
    wakeups.listen(joins.set, "joins")
    wakeups.listen(stream.set)
    _until_woken(joins, "joins")
    joins.clear()
    stream.clear()
    _until_woken(stream, "stream")
    assert not joins.is_set()


def test_who_does_not_want_to_know_of_devices_is_not_woken_for_them() -> None:
    for_device, of_room = (LogEntry(1, kind, None, 1, None) for kind in (Kind.TO_DEVICE, Kind.EVENT))
    assert wakeups.topic_of([for_device]) == wakeups.DEVICES
    assert wakeups.topic_of([for_device, of_room]) == wakeups.STREAM


def test_who_is_on_another_machine_is_heard_by_the_database_and_who_is_on_this_one_is_not() -> None:
    if db.is_sqlite():
        pytest.skip("only a PostgreSQL is shared by machines")
    here, there = threading.Event(), threading.Event()
    wakeups.listen(here.set, "here")
    wakeups.listen(there.set, "there")
    for _ in range(50):
        wakeup_notes.announce(["here"], wakeup_notes.origin())
        wakeup_notes.announce(["there"], "another machine")
        if there.wait(0.1):
            break
    assert there.is_set()
    here.clear()  # listening begins with all that may have been told before
    there.clear()
    wakeup_notes.announce(["here"], wakeup_notes.origin())
    wakeup_notes.announce(["there"], "another machine")
    assert there.wait(10)
    assert not here.is_set()


def test_what_is_told_while_one_is_being_told_is_told_afterwards() -> None:
    if db.is_sqlite():
        pytest.skip("only a PostgreSQL is shared by machines")
    with psycopg.connect(**_address(), autocommit=True) as other:
        _listen(other, "another machine")
        for topic in ("one", "two", "one", "three"):
            wakeup_notes.announcer().tell(topic)
        heard: set[str] = set()
        for note in other.notifies(timeout=20):
            heard.add(note.payload)
            if len(heard) == 3:
                break
    assert heard == {f"{topic} {wakeup_notes.origin()}" for topic in ("one", "two", "three")}


def test_nothing_is_announced_while_no_other_machine_listens_and_all_once_one_has_begun() -> None:
    if db.is_sqlite():
        pytest.skip("only a PostgreSQL is shared by machines")
    announcer = wakeup_notes.Announcer()
    with psycopg.connect(**_address(), autocommit=True) as own, psycopg.connect(**_address()) as unnamed:
        _listen(own, wakeup_notes.origin())
        unnamed.execute(f"LISTEN {wakeup_notes.CHANNEL}")
        unnamed.commit()
        assert not announcer.announce(["unheard"])
        with psycopg.connect(**_address(), autocommit=True) as other:
            _listen(other, "another machine")
            assert _heard_first(other, announcer, "heard") == f"heard {wakeup_notes.origin()}"
            assert announcer.announce(["now"])
        assert next(own.notifies(timeout=20)).payload == f"heard {wakeup_notes.origin()}"


def test_who_begins_to_listen_looks_at_everything_again_once_all_have_seen_it() -> None:
    if db.is_sqlite():
        pytest.skip("only a PostgreSQL is shared by machines")
    looked: list[float] = []

    class Enough(Exception):
        pass

    def heard(topics: Collection[str]) -> None:
        assert topics == ["anything"]
        looked.append(time.monotonic())
        if len(looked) == 2:
            raise Enough

    with pytest.raises(Enough):
        wakeup_notes.receive(heard, lambda: ["anything"])
    connection.close()
    assert looked[1] - looked[0] >= wakeup_notes.LOOK_SECONDS


def _listen(session: psycopg.Connection[Any], by: str) -> None:
    session.execute("SELECT set_config('application_name', %s, false)", (f"{wakeup_notes.LISTENER} {by}",))
    session.execute(f"LISTEN {wakeup_notes.CHANNEL}")


def _heard_first(session: psycopg.Connection[Any], announcer: wakeup_notes.Announcer, topic: str) -> str:
    """The first note that comes when a topic is told again and again."""
    for _ in range(200):
        announcer.tell(topic)
        for note in session.notifies(timeout=0.1):
            return note.payload
    raise AssertionError("nothing was announced")


def _address() -> dict[str, Any]:
    connection.ensure_connection()
    return connection.connection.info.get_parameters()


def _until_woken(event: threading.Event, topic: str) -> None:
    for _ in range(50):
        _tell_from_another_process(topic)
        if event.wait(0.1):
            return
    raise AssertionError("nobody was woken")


def _tell_from_another_process(topic: str = "stream") -> None:
    child = os.fork()
    if not child:
        connection.connection = None  # the parent's
        wakeup_sockets.sender().send(topic.encode())
        os._exit(0)
    os.waitpid(child, 0)
