"""Processes tell one another that the stream has moved."""

from __future__ import annotations

import os
import threading
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
        other.execute(f"LISTEN {wakeup_notes.CHANNEL}")
        for topic in ("one", "two", "one", "three"):
            wakeup_notes.announcer().tell(topic)
        heard: set[str] = set()
        for note in other.notifies(timeout=20):
            heard.add(note.payload)
            if len(heard) == 3:
                break
    assert heard == {f"{topic} {wakeup_notes.origin()}" for topic in ("one", "two", "three")}


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
