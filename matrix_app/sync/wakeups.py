"""Tells the other processes that the stream has moved, or that there is something else to look for.

On one machine by datagrams (`wakeup_sockets`); with PostgreSQL also by NOTIFY (`wakeup_notes`), which reaches
other machines. A wake-up that is lost delays its change until the next look at the log.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from typing import ClassVar

from matrix_app.storage import db
from matrix_app.storage.stream import LogEntry
from matrix_app.sync import wakeup_notes, wakeup_sockets

STREAM = "stream"


def tell_others(_entries: list[LogEntry]) -> None:
    """Called in the committing thread after each commit that moved the stream."""
    tell(STREAM)


def tell_this_machine(_entries: list[LogEntry]) -> None:
    """As `tell_others`, for who knows that there are no other machines."""
    wakeup_sockets.sender().send(STREAM.encode())


def tell(topic: str) -> None:
    """Call those who listen for a topic in other processes. It is a constant: a word of letters."""
    wakeup_sockets.sender().send(topic.encode())
    if not db.is_sqlite():
        wakeup_notes.announcer().tell(topic)


def listen(callback: Callable[[], None], topic: str = STREAM) -> None:
    """Have `callback` called, in a thread, whenever another process has moved the stream, or told a topic.

    A process listens once, however many want to know.
    """
    with _Process.lock:
        is_first = not _Process.callbacks
        _Process.callbacks.append((topic, callback))
        if not is_first:
            return
    _start(wakeup_sockets.receive, _call)
    if not db.is_sqlite():
        _start(wakeup_notes.receive, _call, _topics)


def _start(receive: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=receive, args=arguments, name="stream-wakeups", daemon=True).start()


class _Process:
    lock = threading.Lock()
    callbacks: ClassVar[list[tuple[str, Callable[[], None]]]] = []


def _forget() -> None:
    _Process.lock = threading.Lock()
    _Process.callbacks.clear()


os.register_at_fork(after_in_child=_forget)


def _call(topics: Collection[str]) -> None:
    for topic, callback in _Process.callbacks:
        if topic in topics:
            callback()


def _topics() -> set[str]:
    return {topic for topic, _ in _Process.callbacks}
