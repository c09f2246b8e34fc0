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
from matrix_app.storage.stream import FOR_DEVICES, LogEntry
from matrix_app.sync import wakeup_notes, wakeup_sockets

STREAM = "stream"
# The stream has moved by changes that are for devices alone.
DEVICES = "devices"


def topic_of(entries: list[LogEntry]) -> str:
    """Who is to be told of changes: `STREAM`, or `DEVICES` where nobody but devices wants to know."""
    return DEVICES if all(entry.kind in FOR_DEVICES for entry in entries) else STREAM


def tell_others(entries: list[LogEntry]) -> None:
    """Called in the committing thread after each commit that moved the stream."""
    tell(topic_of(entries))


def tell_this_machine(entries: list[LogEntry]) -> None:
    """As `tell_others`, for who knows that there are no other machines."""
    wakeup_sockets.sender().send(topic_of(entries).encode())


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
