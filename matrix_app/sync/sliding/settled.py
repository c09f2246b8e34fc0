"""What a connection asked last, of which nothing was left to be told.

As long as its version is the same, no more than what has changed since needs a look. Kept in memory alone:
without it, everything is looked at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matrix_app.storage.cache import ByteCache
from matrix_app.sync.sliding.body import Body
from matrix_app.sync.sliding.connection import Connection

_ENTRY_BYTES = 2000
_ROOM_BYTES = 70


@dataclass(frozen=True, slots=True)
class Settled:
    """A request that was answered: what it asks, the counts of its lists, its rooms."""

    shape: tuple[Any, ...]
    counts: dict[str, int]
    room_nids: frozenset[int]


# By connection and version.
_kept: ByteCache[tuple[int, int], Settled] = ByteCache("sliding_settled", 4 << 20)


def find(connection: Connection, body: Body) -> Settled | None:
    """What was settled with this version of a connection; None when something else is asked now."""
    found = _kept.get((connection.nid, connection.version))
    return found if found is not None and found.shape == body.shape else None


def keep(connection: Connection, settled: Settled) -> None:
    """Keep what an answer has settled."""
    size = _ENTRY_BYTES + _ROOM_BYTES * len(settled.room_nids)
    _kept.put((connection.nid, connection.version), settled, size)
