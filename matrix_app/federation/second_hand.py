"""A second thread for work that mostly leaves the interpreter's lock alone, as verifying signatures does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Final, TypeVar

# So many pieces are handed over at once.
PART: Final = 32
# No more than so many are not worth it.
FEW: Final = 64

T = TypeVar("T")
R = TypeVar("R")


def both_ways(pieces: Sequence[T], work: Callable[[Sequence[T]], list[R]]) -> list[R]:
    """The results of all pieces, in order: this thread begins at the front, another at the end.

    Where that one is busy with the pieces of others, this thread does all.
    """
    if len(pieces) <= FEW:
        return work(pieces)
    parts = [pieces[start : start + PART] for start in range(0, len(pieces), PART)]
    beside: dict[int, Future[list[R]]] = {}
    for number in reversed(range(1, len(parts))):
        beside[number] = _thread().submit(work, parts[number])
    results: list[R] = []
    for number, part in enumerate(parts):
        future = beside.get(number)
        results += work(part) if future is None or future.cancel() else future.result()
    return results


@lru_cache(maxsize=1)
def _thread() -> ThreadPoolExecutor:
    """The thread of this process, made at the first use. It does not touch the database."""
    return ThreadPoolExecutor(1, thread_name_prefix="second-hand")


os.register_at_fork(after_in_child=_thread.cache_clear)
