"""When a client that asks about devices alone is answered for the sake of people who verify each other.

Element X has one connection for rooms and one for devices. What it has to send next, after a message of a
verification came in a room, it sends once the second is answered. MSC4186 does not say when that is, and
Synapse answers it with any event of the user's rooms. Here it is answered for events in direct chats, where
people verify each other, and a moment later: by then the message has come by the first connection. For those
who were slow with it, it is answered once more after another while.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Final, Self

from matrix_app.storage import rooms
from matrix_app.storage.stream import Kind
from matrix_app.sync import memo
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding.body import Body

AFTER_SECONDS: Final = 0.5
ONCE_MORE_SECONDS: Final = 2.0
MOST_OWED: Final = 10_000

# After how many seconds the next request on a connection is to be answered, where one is.
_owed: dict[int, float] = {}


class Haste:
    """Whether one request is to be answered soon; costs no query but for `of`."""

    def __init__(self, connection_nid: int, chats: Collection[int], since: int | None) -> None:
        self._connection_nid = connection_nid
        self._chats = chats
        # The events up to here are old enough when the request is answered.
        self._upto = since
        self._owed = _owed.get(connection_nid) if chats else None
        # How long it waits, and until when, once there was reason for haste.
        self._waits = 0.0
        self._soon: float | None = None

    @classmethod
    def of(
        cls, user_nid: int, connection_nid: int, body: Body, joined: Collection[int], since: int | None
    ) -> Self:
        """For the user's direct chats, where a client asks about devices alone; else it never is."""
        e2ee = body.extensions.e2ee
        if e2ee is None or not e2ee.enabled or body.lists or body.room_subscriptions:
            return cls(connection_nid, (), since)
        found = rooms.find_many(memo.direct_rooms(user_nid)).values()
        return cls(connection_nid, {room.nid for room in found}.intersection(joined), since)

    def is_due(self) -> bool:
        """Whether there is reason for haste that has not been taken yet."""
        return self._soon is None and (self._owed is not None or self._is_talked())

    def deadline(self, deadline: float, upto: int) -> float:
        """When to answer at the latest, if the request would wait until `deadline`."""
        if not self.is_due():
            return deadline
        self._waits = AFTER_SECONDS if self._owed is None or self._is_talked() else self._owed
        self._soon = time.monotonic() + self._waits
        self._upto = upto
        return min(deadline, self._soon)

    def answered(self) -> None:
        """The request is answered; the next one soon, too, if this was too soon after an event."""
        owed = self._next()
        if owed is None:
            _owed.pop(self._connection_nid, None)
            return
        if len(_owed) > MOST_OWED:
            _owed.clear()
        _owed[self._connection_nid] = owed

    def _next(self) -> float | None:
        """How long the next request is to wait; None where it is to wait for news alone."""
        if self._is_talked():
            return AFTER_SECONDS
        if self._soon is None:
            return None
        if time.monotonic() < self._soon:
            return self._waits
        return ONCE_MORE_SECONDS if self._waits == AFTER_SECONDS else None

    def _is_talked(self) -> bool:
        if self._upto is None or not self._chats:
            return False
        changed = hub().room_kinds(self._chats, self._upto).values()
        return any(Kind.EVENT in kinds for kinds in changed)
