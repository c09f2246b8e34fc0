"""What is not there yet, told to callers in a way that lets them wait without holding a thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")
S = TypeVar("S")


class Awaited(Generic[T]):
    """Something that is on its way.

    `waits_for` is a future, whose result nobody needs, or a number of seconds; once it is over, `again`
    gives the thing, raises why there is none, or says what to wait for next.
    """

    __slots__ = ("again", "waits_for")

    def __init__(self, waits_for: Future[Any] | float, again: Callable[[], T | Awaited[T]]) -> None:
        self.waits_for = waits_for
        self.again = again


def once_there(found: T | Awaited[T], use: Callable[[T], S | Awaited[S]]) -> S | Awaited[S]:
    """What `use` makes of a thing, now or when it is there."""
    if isinstance(found, Awaited):
        return Awaited(found.waits_for, lambda: once_there(found.again(), use))
    return use(found)
