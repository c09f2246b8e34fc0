"""Events of other servers that continue a room in a straight line, stored together.

Most of what is received is a message after a message. Such a line, on the one end of a room and allowed
by what it names and by the present state, is stored in one transaction, as events made here are. Everything
else is for `received_events.store_received` to look at, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.relations import relation_of
from matrix_app.services import policy_servers, received_checks
from matrix_app.services.persist import Pending, StaleRoomError, assess, persist_assessed
from matrix_app.services.policy_servers import POLICY
from matrix_app.services.room_lock import LOCK_TIMEOUT, room_locked
from matrix_app.storage import db, events, extremities, rooms
from matrix_app.storage.events import EventRow
from matrix_app.storage.rooms import RoomHead, RoomIdentity

Beside = Callable[[int], None]

# What changes or ends other events is looked at alone.
_APART = frozenset({"m.room.redaction", "m.room.create"})


def store_line(
    room: RoomIdentity,
    found: Sequence[Event],
    beside: Beside,
    *,
    whole: bool = False,
    patience: float = LOCK_TIMEOUT,
) -> int:
    """Store as many events as continue the room in a line, from the first on; how many those are.

    In the same transaction `beside` is told the number, unless it is 0. With `whole`, all or none are
    stored. The format, signatures and hashes of the events have been checked. Raises `Unavailable` when
    others move the room for longer than `patience`, in seconds.
    """
    line = _line(found)
    if not line or (whole and len(line) < len(found)):
        return 0
    with room_locked(room.nid, patience):
        continuing = _Continuation(room, rooms.head(room.nid), line)
        allowed = continuing.allowed()
        if not allowed or (whole and len(allowed) < len(found)):
            return 0
        try:
            return continuing.store(allowed, beside)
        except StaleRoomError:
            return 0


def _line(found: Sequence[Event]) -> list[Event]:
    """The longest beginning in which each event follows the one before it and nothing else.

    A state event ends it: what it changes is read from the database.
    """
    line: list[Event] = []
    threads: set[str] = set()
    for event in found:
        if line and (line[-1].state_key is not None or event.prev_event_ids != [line[-1].event_id]):
            break
        root = _thread_root(event)
        if event.type in _APART or root in threads:
            break
        line.append(event)
        # The counts of a thread are read from the database, too, and so is whether there is a root.
        threads.update(name for name in (root, event.event_id) if name is not None)
    return line


def _thread_root(event: Event) -> str | None:
    relation = relation_of(event.content)
    return relation.event_id if relation is not None and relation.rel_type == "m.thread" else None


class _Continuation:
    """A line of events on the end of a room."""

    def __init__(self, room: RoomIdentity, head: RoomHead, line: Sequence[Event]) -> None:
        self._room = room
        self._head = head
        self._line = line
        self._state: dict[type_and_key, Event | None] = {}
        self._rows: dict[str, EventRow] = {}

    def allowed(self) -> list[Event]:
        """Those of the events, from the first on, that nothing speaks against."""
        ends = self._head.extremities
        if len(ends) != 1 or self._line[0].prev_event_ids != [ends[0].event_id]:
            return []
        named = {name for event in self._line for name in received_checks.needed_ids(event)}
        own = [event.event_id for event in self._line]
        self._rows = events.rows_by_id({ends[0].event_id, *named, *own})
        if self._rows[ends[0].event_id].state_after != self._head.state_nid:
            return []
        awaited = extremities.awaited_among(self._room.nid, own)
        known = {event_id: events.parse(row) for event_id, row in self._rows.items()}
        allowed: list[Event] = []
        for event in self._line:
            if event.event_id in known or event.event_id in awaited or not self._is_allowed(event, known):
                break
            known[event.event_id] = event
            allowed.append(event)
        return allowed

    def _is_allowed(self, event: Event, known: dict[str, Event]) -> bool:
        if not known.keys() >= set(received_checks.needed_ids(event)):
            return False
        if not received_checks.passes_own(event, known):
            return False
        entries = self._entries([*received_checks.wanted_pairs(event), POLICY])
        if not received_checks.passes_in(event, entries):
            return False
        return policy_servers.lacking(self._room, event, entries.get(POLICY)) is None

    def _entries(self, pairs: Sequence[type_and_key]) -> dict[type_and_key, Event]:
        unread = [pair for pair in pairs if pair not in self._state]
        if unread:
            present = received_checks.present_entries(self._room, unread)
            self._state.update((pair, present.get(pair)) for pair in unread)
        return {pair: entry for pair in pairs if (entry := self._state[pair]) is not None}

    def store(self, allowed: Sequence[Event], beside: Beside) -> int:
        """Store the events, unless the room has moved or one of them is there already: then none, and 0."""
        nids = {event_id: row.nid for event_id, row in self._rows.items()}
        pending = [Pending(event) for event in allowed]
        assessed = assess(self._room, self._head, pending)
        with db.write():
            is_moved = rooms.lock(self._room.nid) != self._head.position
            if is_moved or events.nids_by_id(event.event_id for event in allowed):
                return 0
            persist_assessed(self._room, self._head, pending, assessed, nids)
            beside(len(allowed))
        return len(allowed)
