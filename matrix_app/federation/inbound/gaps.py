"""Asking for the events that a received one names and that are not here ("Backfilling and retrieving missing
events").
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any, Final

import msgspec

from matrix_app.federation.inbound.answers import store_answer
from matrix_app.federation.inbound.pdus import in_order, read_all, verified
from matrix_app.federation.inbound.peers import Question, peers
from matrix_app.federation.inbound.refusals import refused
from matrix_app.federation.paths import federation_path
from matrix_app.protocol.errors import BadGateway, BadJson, MatrixError, RemoteUnreachable
from matrix_app.protocol.events import Event
from matrix_app.services.outliers import store_outliers
from matrix_app.services.policy_signing import store_asking
from matrix_app.services.received_events import MissingEventsError
from matrix_app.services.room_history import known_state
from matrix_app.services.state_forks import PlannedState
from matrix_app.storage import events, rooms
from matrix_app.storage.rooms import RoomIdentity

# Events that are asked for between what is here and what came.
MOST_MISSING: Final = 20
# States that are asked for to complete one event.
MOST_STATES: Final = 5
# Events that are asked for one by one before the whole state is.
MOST_SINGLE: Final = 50
# No question is begun after so many seconds.
SECONDS: Final = 90.0
# The whole state of a big room takes its time.
STATE_TIMEOUT: Final = 60.0
# IDs in the answer about a state, and what that is in bytes at most.
MOST_STATE_IDS: Final = 200_000
MOST_STATE_BYTES: Final = 32 << 20


class _StateIds(msgspec.Struct):
    pdu_ids: list[str]
    auth_chain_ids: list[str]


# Nothing but strings is made of what arrives.
_STATE_IDS: Final = msgspec.json.Decoder(_StateIds)


class GapFiller:
    """Completes what one server sent; how much it asks for is bounded."""

    def __init__(self, room: RoomIdentity, origin: str) -> None:
        self._room = room
        self._origin = origin
        self._states_left = MOST_STATES
        self._end = time.monotonic() + SECONDS

    def complete(self, event: Event) -> None:
        """Store what `event` names, so that it can be stored.

        Raises `MissingEventsError` when the server does not have it, `MatrixError` when it does not answer.
        """
        if missing := self._missing_before(event):
            between = self._between(event)
            # Whoever sends an event has what comes right before it.
            if lacking := set(missing) - {found.event_id for found in between}:
                raise MissingEventsError(previous=lacking)
            for found in between:
                self._store_between(found)
        self.fetch_auth_events(event)

    def _missing_before(self, event: Event) -> list[str]:
        rows = events.rows_by_id(event.prev_event_ids)
        here = {name for name, row in rows.items() if not row.is_outlier and row.room_nid == self._room.nid}
        return [name for name in event.prev_event_ids if name not in here]

    def _between(self, event: Event) -> list[Event]:
        head = rooms.head(self._room.nid)
        content = {
            "limit": MOST_MISSING,
            "min_depth": 0,
            "earliest_events": [extremity.event_id for extremity in head.extremities],
            "latest_events": [event.event_id],
        }
        path = federation_path("v1", "get_missing_events", self._room.room_id)
        answer = self._ask(Question("POST", path, content=content))
        found = read_all(self._room, answer.get("events"), origin=self._origin)[:MOST_MISSING]
        found = [other for other in found if other.event_id != event.event_id]
        return in_order(verified(found, origin=self._origin))

    def _store_between(self, event: Event) -> None:
        beyond: dict[str, PlannedState] = {}
        try:
            store_asking(self._room, event)
            return
        except MissingEventsError as error:
            beyond = {event_id: self._state_after(event_id) for event_id in error.previous}
        self.fetch_auth_events(event)
        store_asking(self._room, event, beyond=beyond)

    def _state_after(self, event_id: str) -> PlannedState:
        """The state after an event, as the server says; what is new of it becomes outliers."""
        if self._states_left == 0:
            raise MissingEventsError(previous=[event_id])
        self._states_left -= 1
        state_ids = self.fetch_state(event_id)
        event = self._single(event_id)
        self.fetch_auth_events(event)
        store_outliers(self._room, [event])
        return known_state(self._room, [*state_ids, event_id])

    def fetch_state(self, event_id: str) -> list[str]:
        """Store the state before an event with its auth chain, as outliers; the IDs of the state."""
        path = federation_path("v1", "state_ids", self._room.room_id)
        question = Question("GET", path, {"event_id": event_id}, max_bytes=MOST_STATE_BYTES)
        state_ids, chain_ids = self._ids(question)
        wanted = _unknown({*state_ids, *chain_ids})
        if len(wanted) > MOST_SINGLE:
            self._fetch_whole_state(event_id)
        elif wanted:
            store_outliers(self._room, self._fetch_single(wanted))
        return state_ids

    def _ids(self, question: Question) -> tuple[list[str], list[str]]:
        self._check_time()
        answer = BytesIO()
        peers().download(self._origin, question, answer)
        try:
            found = _STATE_IDS.decode(answer.getbuffer())
        except msgspec.DecodeError as error:
            raise BadGateway(f"{self._origin} did not answer with a state: {error}") from error
        if max(len(found.pdu_ids), len(found.auth_chain_ids)) > MOST_STATE_IDS:
            raise BadGateway(f"The state that {self._origin} tells is too large")
        return found.pdu_ids, found.auth_chain_ids

    def _fetch_whole_state(self, event_id: str) -> None:
        path = federation_path("v1", "state", self._room.room_id)
        self._check_time()
        question = Question("GET", path, {"event_id": event_id}, timeout=STATE_TIMEOUT)
        store_answer(self._room, self._origin, question, state="pdus")

    def fetch_auth_events(self, event: Event) -> None:
        """Store what authorises an event, as far as the server has it."""
        if not _unknown(event.auth_event_ids):
            return
        path = federation_path("v1", "event_auth", self._room.room_id, event.event_id)
        try:
            self._check_time()
            store_answer(self._room, self._origin, Question("GET", path))
        except MatrixError as error:
            refused("event_auth", origin=self._origin, event_id=event.event_id, error=error.message)
        if wanted := _unknown(event.auth_event_ids):
            store_outliers(self._room, self._fetch_single(wanted))

    def _single(self, event_id: str) -> Event:
        stored = events.row_by_id(event_id)
        if stored is not None and stored.room_nid == self._room.nid:
            return events.parse(stored)
        for event in self._fetch_single([event_id]):
            return event
        raise MissingEventsError(previous=[event_id])

    def _fetch_single(self, event_ids: Sequence[str]) -> list[Event]:
        questions = [Question("GET", federation_path("v1", "event", event_id)) for event_id in event_ids]
        pdus: list[Any] = []
        self._check_time()
        for answer in peers().ask_all(self._origin, questions):
            given = answer.get("pdus") if isinstance(answer, dict) else None
            pdus += _list(given)[:1]
        found = read_all(self._room, pdus, origin=self._origin)
        wanted = set(event_ids)
        return verified([event for event in found if event.event_id in wanted], origin=self._origin)

    def _ask(self, question: Question) -> dict[str, Any]:
        self._check_time()
        answer = peers().ask(self._origin, question)
        if not isinstance(answer, dict):
            raise BadJson(f"{self._origin} did not answer with an object")
        return answer

    def _check_time(self) -> None:
        if time.monotonic() > self._end:
            raise RemoteUnreachable(f"{self._origin} takes too long to complete its event")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _unknown(event_ids: Iterable[str]) -> list[str]:
    wanted = set(event_ids)
    return sorted(wanted - events.nids_by_id(wanted).keys())
