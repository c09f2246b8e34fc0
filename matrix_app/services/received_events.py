"""Events of other servers, whose predecessors and auth events are here: judged and stored.

Rejected and soft-failed events are kept, because others may name them, but touch neither the present state
nor the forward extremities, and have no position in the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import Unavailable
from matrix_app.protocol.events import Event, StateMap
from matrix_app.protocol.memberships import is_membership
from matrix_app.protocol.room_activity import BUMPS
from matrix_app.services import received_checks, state_forks
from matrix_app.services.effects import references, state_changes, unread
from matrix_app.services.effects.state_changes import StateChange
from matrix_app.services.known_events import event_to_store
from matrix_app.services.persist import Pending, StaleRoomError, store_auth_chains
from matrix_app.services.policy_servers import UnrecommendedError
from matrix_app.services.room_lock import ATTEMPTS, room_locked
from matrix_app.services.room_moves import Move, plan_move
from matrix_app.services.state_forks import PlannedState
from matrix_app.storage import db, events, extremities, interning, rooms, state, stream
from matrix_app.storage.events import EventRow, NewEvent, Status
from matrix_app.storage.rooms import RoomHead, RoomIdentity
from matrix_app.storage.state_resolution_store import NEWCOMER
from matrix_app.storage.stream import Change, Kind


class MissingEventsError(Exception):
    """Events that are needed first are not here: predecessors with their state, and auth events."""

    def __init__(self, previous: Iterable[str] = (), auth: Iterable[str] = ()) -> None:
        self.previous = list(previous)
        self.auth = list(auth)
        super().__init__(f"missing predecessors {self.previous}, missing auth events {self.auth}")


@dataclass(slots=True)
class Received:
    """An event, what it names, and what the checks made of it."""

    event: Event
    rows: dict[str, EventRow]
    before: PlannedState
    status: Status = Status.NORMAL
    # Predecessors that are not here: the history of the room has a gap before the event.
    missing: Sequence[str] = ()
    # Whether it is soft-failed where the signature of the room's policy server is lacking.
    unrecommended: bool = False
    # Whether it is a redaction that is kept from clients for now.
    is_held_back: bool = False

    @property
    def outlier(self) -> EventRow | None:
        """The event as it was stored before, outside of the room's history."""
        return self.rows.get(self.event.event_id)

    def hold_back_if_hidden(self, room: RoomIdentity, *, is_new: bool) -> None:
        """Soft-fail a redaction that clients must not see yet; `is_new` says that it is not of the past."""
        if self.status != Status.NORMAL or self.event.type != "m.room.redaction":
            return
        states: list[StateMap] = [self.before.find(references.DECIDING)]
        if is_new:
            states.append(received_checks.present_entries(room, references.DECIDING))
        if references.is_hidden(self.event, states):
            self.status, self.is_held_back = Status.SOFT_FAILED, True

    @property
    def auth_nids(self) -> list[int]:
        """The nids of the auth events."""
        return [self.rows[event_id].nid for event_id in self.event.auth_event_ids]


Beside = Callable[[], None]


def store_nothing() -> None:
    """Store nothing beside the event."""


def is_stored(event_id: str) -> bool:
    """Whether an event has its place in the history of its room already, whatever became of it."""
    row = events.row_by_id(event_id)
    return row is not None and not row.is_outlier


# By the ID of a predecessor that is not here: the state after it.
States = Mapping[str, PlannedState]


def store_received(
    room: RoomIdentity,
    event: Event,
    *,
    beyond: States | None = None,
    beside: Beside = store_nothing,
    unrecommended: bool = False,
) -> Status | None:
    """Judge an event, store it with its effects and, in the same transaction, what `beside` stores.

    What became of it is returned: None where it had been stored before, or another with its ID. Raises
    `MissingEventsError` when events that it names are not here, but for predecessors with a state in
    `beyond`, and `UnrecommendedError` when nothing but the signature of the room's policy server is lacking;
    with `unrecommended` it is soft-failed then.
    """
    received = _prepare(room, event, beyond or {})
    if received is None:
        with db.write():
            beside()
        return None
    received.unrecommended = unrecommended
    for _ in range(ATTEMPTS):
        with room_locked(room.nid):
            try:
                return _store(room, received, beside)
            except StaleRoomError:
                continue
    raise Unavailable("The room is busy")


def _prepare(room: RoomIdentity, event: Event, beyond: States) -> Received | None:
    needed = received_checks.needed_ids(event)
    rows = events.rows_by_id({*event.prev_event_ids, *needed, event.event_id})
    found = event_to_store(rows.get(event.event_id), event)
    if found is None:
        return None
    event = found
    missing = [event_id for event_id in event.prev_event_ids if not _has_state(room, rows.get(event_id))]
    missing_auth = [event_id for event_id in needed if event_id not in rows]
    if missing_auth or not beyond.keys() >= set(missing):
        raise MissingEventsError([name for name in missing if name not in beyond], missing_auth)
    snapshots = [rows[name].state_after for name in event.prev_event_ids if name not in missing]
    plans = [PlannedState(nid, {}) for nid in snapshots if nid is not None]
    plans += [beyond[name] for name in missing]
    before = state_forks.meet_planned(room, plans)
    return Received(event, rows, before, missing=missing)


def _has_state(room: RoomIdentity, row: EventRow | None) -> bool:
    return row is not None and not row.is_outlier and row.room_nid == room.nid


def _store(room: RoomIdentity, received: Received, beside: Beside) -> Status | None:
    head = rooms.head(room.nid)
    event = received.event
    known = {event_id: events.parse(row) for event_id, row in received.rows.items()}
    received.status = _judge(room, head, received, known)
    event.rejected = received.status == Status.REJECTED
    late = extremities.is_missing(room.nid, event.event_id)
    received.hold_back_if_hidden(room, is_new=not late)
    if not late and received.status == Status.NORMAL:
        return _store_live(room, head, received, beside)
    with db.write():
        is_new = _lock_unless_stored(room, event.event_id)
        if is_new:
            store_unseen(room, received)
        beside()
    return received.status if is_new else None


def _judge(room: RoomIdentity, head: RoomHead, received: Received, known: dict[str, Event]) -> Status:
    try:
        return received_checks.judge(room, received.event, known, received.before, head.state_nid)
    except UnrecommendedError:
        if not received.unrecommended:
            raise
        return Status.SOFT_FAILED


def _lock_unless_stored(room: RoomIdentity, event_id: str) -> bool:
    """Let no other process store into the room; False if one has just stored the event."""
    rooms.lock(room.nid)
    return not is_stored(event_id)


def store_unseen(room: RoomIdentity, received: Received) -> int:
    """Store an event that nobody is shown as new, inside a write transaction; its nid."""
    event = received.event
    state_nid = received.before.stored(room.nid)
    nid = _insert(room, received, state_nid, None, 0, None)
    key_nid = interning.key_nid(event.type, event.state_key) if event.state_key is not None else None
    if key_nid is not None and received.status != Status.REJECTED:
        events.set_state_after(nid, state.Chain(room.nid, state_nid).extend({key_nid: nid}))
        _store_chain(received, nid)
    if received.status == Status.NORMAL:
        references.apply(room, event, nid, interning.user_nid(event.sender))
        references.apply_waiting(room, event.event_id)
    elif received.is_held_back:
        references.hold_back(event, nid)
    extremities.arrived(event.event_id)
    return nid


def _insert(
    room: RoomIdentity,
    received: Received,
    state_nid: int | None,
    position: int | None,
    ordinal: int,
    thread_root_nid: int | None,
) -> int:
    event = received.event
    new = NewEvent(
        event=event,
        json=encode_canonical(event.pdu, lenient=True),
        room_nid=room.nid,
        key_nid=interning.key_nid(event.type, event.state_key) if event.state_key is not None else None,
        sender_nid=interning.user_nid(event.sender),
        position=position,
        status=received.status,
        is_outlier=False,
        state_nid=state_nid,
        thread_root_nid=thread_root_nid,
        unread_ordinal=ordinal,
    )
    if received.outlier is None:
        nid = events.insert(new)
    else:
        nid = received.outlier.nid
        events.promote(nid, new)
    if received.missing:
        extremities.add_backward(room.nid, nid, received.missing)
    return nid


def _store_chain(received: Received, nid: int) -> None:
    store_auth_chains([Pending(received.event, nid=nid, auth_nids=received.auth_nids)])


def _store_live(room: RoomIdentity, head: RoomHead, received: Received, beside: Beside) -> Status | None:
    event = received.event
    key_nid = _key_nid(event)
    move = plan_move(room, head, received, key_nid)
    assessed = unread.assess(room, head, [event])[0]
    with db.write():
        if not _lock_unless_stored(room, event.event_id):
            beside()
            return None
        position = _take_position(room, received, move)
        state_nid = received.before.stored(room.nid)
        ordinal = head.unread_ordinal + (assessed.counts if assessed.thread_root_nid is None else 0)
        own_ordinal = ordinal if assessed.thread_root_nid is None else assessed.thread_ordinal
        assessed.ordinal = own_ordinal
        nid = _insert(room, received, state_nid, position, own_ordinal, assessed.thread_root_nid)
        changes = {key: nid if found == NEWCOMER else found for key, found in move.changes.items()}
        present_nid = _store_states(room, head, received, nid, key_nid, state_nid, changes)
        moved = rooms.advance(
            room.nid,
            expected=head.position,
            position=position,
            state_nid=present_nid,
            unread_ordinal=ordinal,
            bumped=position if event.type in BUMPS and received.status is Status.NORMAL else None,
        )
        if not moved:
            raise StaleRoomError
        if move.stay:
            extremities.replace_forward(room.nid, move.gone, nid)
        else:
            rooms.replace_extremities(room.nid, move.gone, nid)
        _apply_effects(room, received, nid, position, changes)
        unread.apply(room, event, nid, interning.user_nid(event.sender), position, assessed)
        beside()
    return received.status


def _key_nid(event: Event) -> int | None:
    if event.state_key is None:
        return None
    found = interning.find_key(event.type, event.state_key)
    if found is None:
        with db.write():
            found = interning.key_nid(event.type, event.state_key)
    return found


def _store_states(
    room: RoomIdentity,
    head: RoomHead,
    received: Received,
    nid: int,
    key_nid: int | None,
    state_nid: int | None,
    changes: dict[int, int],
) -> int | None:
    """Store the state after the event and the new present state; the nid of the latter's snapshot."""
    state_after = state_nid
    if key_nid is not None:
        state_after = state.Chain(room.nid, state_nid).extend({key_nid: nid})
        events.set_state_after(nid, state_after)
        _store_chain(received, nid)
    if not changes:
        return head.state_nid
    if state_nid == head.state_nid and changes == {key_nid: nid}:
        return state_after
    return state.Chain(room.nid, head.state_nid).extend(changes)


def _take_position(room: RoomIdentity, received: Received, move: Move) -> int:
    names = interning.key_names(move.changes)
    is_state = received.event.state_key is not None or bool(move.changes)
    wanted = [Change(Kind.STATE if is_state else Kind.EVENT, room.nid)]
    wanted += [
        Change(Kind.MEMBERSHIP, room.nid, interning.user_nid(state_key))
        for event_type, state_key in names.values()
        if is_membership(event_type, state_key)
    ]
    return stream.append(wanted)[0]


def _apply_effects(
    room: RoomIdentity, received: Received, nid: int, position: int, changes: dict[int, int]
) -> None:
    event = received.event
    if changes:
        names = interning.key_names(changes)
        found = events.events_by_nid({other for other in changes.values() if other not in (0, nid)})
        found[nid] = event
        state_changes.apply(
            room,
            [
                StateChange(key, *names[key], found.get(other), other, position)
                for key, other in changes.items()
            ],
        )
    references.apply(room, event, nid, interning.user_nid(event.sender))
    references.apply_waiting(room, event.event_id)
