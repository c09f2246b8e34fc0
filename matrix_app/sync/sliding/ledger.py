"""What an answer adds to what its connection has been sent."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.sync.sliding import connection as connections
from matrix_app.sync.sliding.connection import LIVE, Connection, Sent
from matrix_app.sync.sliding.required_state import RequiredState

# What else of a room has been sent: flags of `Sent`.
ACCOUNT_DATA = 1
RECEIPTS = 2
DIRECT = 4
_EXTENSIONS = ACCOUNT_DATA | RECEIPTS


class Ledger:
    """Collects what is sent; the client has it once the next version of the connection is its."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changes: dict[int, Sent | None] = {}
        self._configs = list(connection.configs)
        self._numbers = {state: number for number, state in enumerate(connection.configs)}

    def before(self, room_nid: int) -> Sent | None:
        """What the client had of a room before this answer."""
        return self._connection.rooms.get(room_nid)

    def required(self, sent: Sent) -> RequiredState:
        """The state that goes with what was sent."""
        return self._configs[sent.config]

    def now(self, room_nid: int) -> Sent | None:
        """What the client will have of a room."""
        return self._changes.get(room_nid, self._connection.rooms.get(room_nid))

    def put(self, room_nid: int, sent: Sent) -> None:
        """The client will have this of a room."""
        if self._connection.rooms.get(room_nid) != sent:
            self._changes[room_nid] = sent
        else:
            self._changes.pop(room_nid, None)

    def drop(self, room_nid: int) -> None:
        """The client is told nothing more of a room."""
        if room_nid in self._connection.rooms:
            self._changes[room_nid] = None

    def number(self, state: RequiredState) -> int:
        """The number by which a request for state is known."""
        if state not in self._numbers:
            self._numbers[state] = len(self._configs)
            self._configs.append(state)
        return self._numbers[state]

    def settle(self, room_nids: Iterable[int], extensions: dict[int, int]) -> None:
        """These rooms are told of from now on, with those of the extensions (flags, by room)."""
        for nid in room_nids:
            sent = self.now(nid)
            if sent is None:
                continue
            flags = (sent.flags & ~_EXTENSIONS) | extensions.get(nid, 0)
            if sent.since != LIVE or sent.flags != flags:
                self.put(nid, sent._replace(since=LIVE, flags=flags))

    def fall_behind(self, room_nid: int, since: int) -> None:
        """The client is not told of what happened in a room after `since`."""
        sent = self.now(room_nid)
        if sent is not None and sent.since == LIVE:
            self.put(room_nid, sent._replace(since=since))

    def store(self) -> Connection:
        """Keep it all; the version of the connection that the client has after this answer."""
        return connections.store(self._connection, self._changes, tuple(self._configs))
