"""Processes tell one another that the stream has moved."""

from __future__ import annotations

import os
import threading

import pytest

from matrix_app.storage import db
from matrix_app.sync import wakeups

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


def _until_woken(event: threading.Event, topic: str) -> None:
    for _ in range(50):
        _tell_from_another_process(topic)
        if event.wait(0.1):
            return
    raise AssertionError("nobody was woken")


def _tell_from_another_process(topic: str = "stream") -> None:
    from django.db import connection

    if not db.is_sqlite():
        wakeups.tell(topic)
        return
    child = os.fork()
    if not child:
        connection.connection = None  # the parent's
        wakeups._sender().send(topic.encode())
        os._exit(0)
    os.waitpid(child, 0)
