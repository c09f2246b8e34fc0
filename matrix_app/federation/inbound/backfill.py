"""History from before this server was in a room, or from within a gap ("Backfilling")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matrix_app.federation.inbound.gaps import GapFiller
from matrix_app.federation.inbound.pdus import in_order, read_all, verified
from matrix_app.federation.inbound.peers import Question, peers
from matrix_app.federation.inbound.refusals import refused
from matrix_app.federation.paths import federation_path
from matrix_app.protocol.errors import BadJson, MatrixError
from matrix_app.protocol.events import Event
from matrix_app.services.received_events import MissingEventsError
from matrix_app.services.room_history import known_state, store_history
from matrix_app.storage import events, extremities, members
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity

LIMIT: Final = 100
MOST_SERVERS: Final = 3
# Somebody waits for the event of a time.
TIME_TIMEOUT: Final = 10.0
# Of an answer: as many events, each as large as it may be.
MOST_BYTES: Final = LIMIT << 16
# Missing events that history is asked for from, at once.
MOST_GAPS: Final = 5
# Events of an answer whose state is asked for, because what comes before them is in no answer.
MOST_STATES: Final = 5


def fetch_older(room: RoomIdentity, depth: int) -> bool:
    """Ask the servers of a room for what comes before its gaps up to a depth; whether anything came."""
    missing = extremities.missing_before(room.nid, depth, MOST_GAPS)
    if not missing:
        return False
    for server in others(room):
        try:
            if _Backfill(room, server).fetch(missing):
                return True
        except MatrixError as error:
            refused("backfill", origin=server, room_id=room.room_id, error=error.message)
    return False


def fetch_at(room: RoomIdentity, ts: int, backwards: bool, known_ts: int | None) -> bool:
    """Ask the servers of a room for the event closest to a time, and fetch it with what comes before it.

    Whether anything came. Nothing is fetched that is no closer than the event of `known_ts`.
    """
    for server in others(room):
        try:
            event_id, found_ts = closest(room, server, ts, backwards)
            if known_ts is not None and abs(found_ts - ts) >= abs(known_ts - ts):
                return False
            if _Backfill(room, server).fetch([event_id]):
                return True
        except MatrixError as error:
            refused("timestamp_to_event", origin=server, room_id=room.room_id, error=error.message)
    return False


def others(room: RoomIdentity) -> list[str]:
    """The servers to ask about a room, those with most users first."""
    found = [name for name in members.servers_in(room.nid) if name != local_server_name()]
    return found[:MOST_SERVERS]


def closest(room: RoomIdentity, server: str, ts: int, backwards: bool) -> tuple[str, int]:
    """The event closest to a time and when it was sent, as a server says; raises a `MatrixError`."""
    path = federation_path("v1", "timestamp_to_event", room.room_id)
    query = {"ts": str(ts), "dir": "b" if backwards else "f"}
    answer = peers().ask(server, Question("GET", path, query, timeout=TIME_TIMEOUT))
    match answer:
        case {"event_id": str(event_id), "origin_server_ts": int(found_ts)}:
            if found_ts == ts or (found_ts < ts) == backwards:
                return event_id, found_ts
    raise BadJson(f"{server} named no event on that side of the time")


class _Backfill:
    """Takes over history from one server."""

    def __init__(self, room: RoomIdentity, server: str) -> None:
        self._room = room
        self._server = server
        self._filler = GapFiller(room, server)
        self._states_left = MOST_STATES

    def fetch(self, missing: Sequence[str]) -> bool:
        """Store what comes before the missing events, and these; whether there was any of it."""
        path = federation_path("v1", "backfill", self._room.room_id)
        query = [*(("v", event_id) for event_id in missing), ("limit", str(LIMIT))]
        answer = peers().ask(self._server, Question("GET", path, query, max_bytes=MOST_BYTES))
        if not isinstance(answer, dict):
            raise BadJson(f"{self._server} did not answer with an object")
        # "[...] the response of backfill MUST NOT be validated on these specific restrictions", those on the
        # numbers of prev_events and auth_events.
        given = answer.get("pdus")
        found = read_all(self._room, given, origin=self._server, any_number=True)[:LIMIT]
        stored = events.rows_by_id(event.event_id for event in found)
        new = [event for event in found if event.event_id not in stored or stored[event.event_id].is_outlier]
        results = [self._store(event) for event in in_order(verified(new, origin=self._server))]
        return any(results)

    def _store(self, event: Event) -> bool:
        try:
            self._filler.fetch_auth_events(event)
            return self._store_on_state(event)
        except MissingEventsError as error:
            refused("backfill", origin=self._server, event_id=event.event_id, error=str(error))
            return False

    def _store_on_state(self, event: Event) -> bool:
        try:
            return store_history(self._room, event) is not None
        except MissingEventsError as error:
            if error.auth or self._states_left == 0:
                raise
        self._states_left -= 1
        state_ids = self._filler.fetch_state(event.event_id)
        return store_history(self._room, event, known_state(self._room, state_ids)) is not None
