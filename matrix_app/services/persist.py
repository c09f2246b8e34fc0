"""Storing new events of a room in one transaction: the only way by which a room moves on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyroaring import BitMap64

from appliance.metrics.counted import count_events
from matrix_app.protocol.event_format import encode_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.memberships import is_membership
from matrix_app.protocol.room_activity import BUMPS
from matrix_app.services.effects import references, state_changes, unread
from matrix_app.services.effects.state_changes import StateChange
from matrix_app.storage import db, events, interning, rooms, state, stream, transactions
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomHead, RoomIdentity
from matrix_app.storage.stream import Change, Kind

# What people have said, also where it is encrypted.
MESSAGE_TYPES: Final = frozenset({"m.room.message", "m.room.encrypted"})


class StaleRoomError(Exception):
    """Another process moved the room since its head was read: build anew."""


@dataclass(slots=True)
class Pending:
    """An event made here that is about to be stored."""

    event: Event
    device_nid: int | None = None
    txn_id: str | None = None
    txn_scope: str = ""
    nid: int = 0
    position: int = 0
    key_nid: int | None = None
    sender_nid: int = 0
    auth_nids: list[int] = field(default_factory=list)


def persist_live(
    room: RoomIdentity, head: RoomHead, pending: Sequence[Pending], known_nids: Mapping[str, int]
) -> None:
    """Store events built one upon the other on `head`, move the room, and tell who waits.

    Raises `StaleRoomError` when the room is no longer at `head`; nothing is stored then.
    """
    assessed = assess(room, head, pending)
    with db.write():
        persist_assessed(room, head, pending, assessed, known_nids)


def assess(room: RoomIdentity, head: RoomHead, pending: Sequence[Pending]) -> list[unread.Assessed]:
    """What new events mean for unread counts; reads only, for `persist_assessed`."""
    return unread.assess(room, head, [item.event for item in pending])


def persist_assessed(
    room: RoomIdentity,
    head: RoomHead,
    pending: Sequence[Pending],
    assessed: Sequence[unread.Assessed],
    known_nids: Mapping[str, int],
) -> None:
    """As `persist_live`, as a part of a transaction that the caller has begun, and lets end by any error."""
    for item in pending:
        item.sender_nid = interning.user_nid(item.event.sender)
        if item.event.state_key is not None:
            item.key_nid = interning.key_nid(item.event.type, item.event.state_key)
    _take_positions(room, pending)
    ordinal = head.unread_ordinal + sum(
        1 for result in assessed if result.counts and result.thread_root_nid is None
    )
    chain = state.Chain(room.nid, head.state_nid) if _any_state(pending) else None
    state_nid = _insert_events(room, head, pending, assessed, chain, dict(known_nids))
    last = pending[-1]
    moved = rooms.advance(
        room.nid,
        expected=head.position,
        position=last.position,
        state_nid=state_nid,
        unread_ordinal=ordinal,
        bumped=max((item.position for item in pending if item.event.type in BUMPS), default=None),
    )
    if not moved:
        raise StaleRoomError
    rooms.replace_extremities(room.nid, (e.nid for e in head.extremities), last.nid)
    _apply_effects(room, pending, assessed)
    db.on_commit(lambda: _count(pending))


def _count(pending: Sequence[Pending]) -> None:
    messages = sum(1 for item in pending if item.event.type in MESSAGE_TYPES)
    local = domain_of(pending[-1].event.sender) == local_server_name()
    count_events(local=local, events=len(pending), messages=messages)


def _any_state(pending: Iterable[Pending]) -> bool:
    return any(item.key_nid is not None for item in pending)


def _take_positions(room: RoomIdentity, pending: Sequence[Pending]) -> None:
    changes = []
    for item in pending:
        changes.append(Change(Kind.EVENT if item.key_nid is None else Kind.STATE, room.nid))
        if is_membership(item.event.type, item.event.state_key):
            user_nid = interning.user_nid(item.event.state_key or "")
            changes.append(Change(Kind.MEMBERSHIP, room.nid, user_nid))
    positions = iter(stream.append(changes))
    for item in pending:
        item.position = next(positions)
        if is_membership(item.event.type, item.event.state_key):
            next(positions)


def _insert_events(
    room: RoomIdentity,
    head: RoomHead,
    pending: Sequence[Pending],
    assessed: Sequence[unread.Assessed],
    chain: state.Chain | None,
    nids: dict[str, int],
) -> int | None:
    state_nid = head.state_nid
    ordinal = head.unread_ordinal
    for item, result in zip(pending, assessed, strict=True):
        if result.thread_root_nid is None:
            ordinal += result.counts
        result.ordinal = ordinal if result.thread_root_nid is None else result.thread_ordinal
        item.nid = nids[item.event.event_id] = events.insert(
            events.NewEvent(
                event=item.event,
                json=encode_event(item.event),
                room_nid=room.nid,
                key_nid=item.key_nid,
                sender_nid=item.sender_nid,
                position=item.position,
                status=events.Status.NORMAL,
                is_outlier=False,
                state_nid=state_nid,
                thread_root_nid=result.thread_root_nid,
                unread_ordinal=result.ordinal,
            )
        )
        if item.key_nid is not None and chain is not None:
            state_nid = chain.extend({item.key_nid: item.nid})
            events.set_state_after(item.nid, state_nid)
            item.auth_nids = [nids[auth_id] for auth_id in item.event.auth_event_ids if auth_id in nids]
    store_auth_chains([item for item in pending if item.key_nid is not None])
    return state_nid


def store_auth_chains(items: Sequence[Pending]) -> None:
    """Store the auth chains of state events that were just stored, each after those that it names."""
    if not items:
        return
    made = {item.nid: BitMap64() for item in items}
    wanted = {nid for item in items for nid in item.auth_nids if nid not in made}
    stored = {nid: BitMap64.deserialize(data) for nid, data in events.auth_chains(wanted).items()}
    # Many events of a room name the same ones.
    by_named: dict[tuple[int, ...], tuple[BitMap64, bytes]] = {}
    rows: list[tuple[int, bytes]] = []
    for item in items:
        named = tuple(item.auth_nids)
        if named not in by_named:
            above = (made[nid] if nid in made else stored.get(nid, BitMap64()) for nid in named)
            bitmap = BitMap64(named).union(*above)
            by_named[named] = bitmap, bitmap.serialize()
        made[item.nid], data = by_named[named]
        rows.append((item.nid, data))
    events.insert_auth_chains(rows)


def _apply_effects(
    room: RoomIdentity, pending: Sequence[Pending], assessed: Sequence[unread.Assessed]
) -> None:
    changes = [
        StateChange(item.key_nid, item.event.type, item.event.state_key, item.event, item.nid, item.position)
        for item in pending
        if item.key_nid is not None and item.event.state_key is not None
    ]
    if changes:
        state_changes.apply(room, changes)
    for item, result in zip(pending, assessed, strict=True):
        references.apply(room, item.event, item.nid, item.sender_nid)
        unread.apply(room, item.event, item.nid, item.sender_nid, item.position, result)
        if item.txn_id is not None and item.device_nid is not None:
            transactions.put_event(item.device_nid, item.txn_scope, item.txn_id, item.nid)
