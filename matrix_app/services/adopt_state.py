"""The state of a room that this server begins to take part in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_format import encode_event
from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.memberships import is_membership
from matrix_app.services import user_directory
from matrix_app.services.effects import references, state_changes
from matrix_app.services.effects.state_changes import StateChange, membership_in
from matrix_app.services.persist import Pending, store_auth_chains
from matrix_app.services.received_checks import passes_in, wanted_pairs
from matrix_app.services.room_history import entries_of
from matrix_app.services.room_lock import room_locked
from matrix_app.storage import (
    bulk,
    db,
    events,
    extremities,
    interning,
    members,
    rooms,
    state,
    stream,
    summaries,
)
from matrix_app.storage import user_directory as stored_directory
from matrix_app.storage.events import NewEvent, Status
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.pace import Pace
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.stream import Change, Kind

# Entries that are taken over in one transaction: others write in between.
BATCH: Final = 250

_Names = Mapping[int, type_and_key]
# Begins a write transaction, or is part of one.
Transaction = Callable[[], AbstractContextManager[None]]


def adopt_state(
    room: RoomIdentity,
    event: Event,
    state_ids: Sequence[str],
    beginning: Transaction = db.write,
) -> int:
    """Let a room begin with `event`, by which a user of this server joins, on the state before it; its nid.

    `beginning` is the transaction with which it does. The events of the state and their auth chains have been
    stored (`store_outliers`); those that were rejected or are not there are no part of the state. Raises
    `AuthorizationFailed` if that state does not allow the event. When the process ends in the midst of it,
    the same call does the rest.
    """
    entries = entries_of(room, state_ids)
    _check(event, entries)
    with room_locked(room.nid):
        if len(entries) > BATCH:
            return _adopt(room, event, entries, db.write, beginning)
        # A small room needs but one transaction.
        with beginning():
            return _adopt(room, event, entries, nullcontext, nullcontext)


def _adopt(
    room: RoomIdentity, event: Event, entries: Mapping[int, int], part: Transaction, beginning: Transaction
) -> int:
    present = state.current_full(room.nid)
    names = _names({*entries, *present})
    rest = _adopt_in_advance(room, entries, present, names, part)
    with part():
        chain = state.Chain(room.nid, None)
        chain.extend(entries)
    with beginning():
        return _begin(room, event, chain, {key: entries.get(key, 0) for key in rest}, names)


def _names(keys: Iterable[int]) -> dict[int, type_and_key]:
    found: dict[int, type_and_key] = {}
    for chunk in _chunks(list(keys)):
        found.update(interning.key_names(chunk))
    return found


def _chunks(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), BATCH):
        yield keys[start : start + BATCH]


def _check(event: Event, entries: Mapping[int, int]) -> None:
    keys = interning.find_keys(wanted_pairs(event))
    parsed = events.events_by_nid({entries[key] for key in keys.values() if key in entries})
    if not passes_in(event, {pair: parsed[entries[key]] for pair, key in keys.items() if key in entries}):
        raise AuthorizationFailed("The state of the room does not allow this")


def _is_remote_member(pair: type_and_key) -> bool:
    return is_membership(*pair) and domain_of(pair[1]) != local_server_name()


def _adopt_in_advance(
    room: RoomIdentity,
    entries: Mapping[int, int],
    present: Mapping[int, int],
    names: _Names,
    part: Transaction,
) -> set[int]:
    """Take over most of the state, a part at a time. Nobody here can see the room before it begins.

    What is returned are the keys that are left: those with effects, and those that go away.
    """
    pace = Pace("membership", "current_state", "user_directory", begin=part)
    remote = {key for key in entries if _is_remote_member(names[key])}
    plain = {key for key in entries if state_changes.is_plain(names[key])}
    changed = {key for key, nid in entries.items() if present.get(key) != nid}
    for chunk in _chunks(sorted(remote & changed)):
        found = events.events_by_nid([entries[key] for key in chunk])
        with pace.write():
            _put_members(room, {key: found[entries[key]] for key in chunk}, entries)
    for chunk in _chunks(sorted(plain & changed)):
        with pace.write():
            bulk.put_current(room.nid, {key: entries[key] for key in chunk}, ())
    return {*entries, *present} - remote - plain


def _put_members(room: RoomIdentity, chunk: Mapping[int, Event], entries: Mapping[int, int]) -> None:
    senders = {event.sender for event in chunk.values()}
    users = bulk.intern_users(senders.union(str(event.state_key) for event in chunk.values()))
    before = members.get_many(room.nid, [users[str(event.state_key)] for event in chunk.values()])
    position = stream.current_position()
    rows: list[MemberRow] = []
    shown: list[tuple[int, str]] = []
    for key, event in chunk.items():
        user_id = str(event.state_key)
        membership = membership_in(event)
        rows.append(
            MemberRow(
                room_nid=room.nid,
                user_nid=users[user_id],
                membership=membership,
                event_nid=entries[key],
                sender_nid=users[event.sender],
                is_local=False,
                forgotten=False,
                position=position,
                changed_position=position,
            )
        )
        if membership == Membership.JOIN:
            text = user_directory.search_text(user_id, event.content.get("displayname"))
            shown.append((users[user_id], text))
    bulk.put_members(rows)
    bulk.put_current(room.nid, {key: entries[key] for key in chunk}, chunk.keys())
    stored_directory.put_all(shown)
    _count(room, rows, before, {nid: user_id for user_id, nid in users.items()})


def _count(
    room: RoomIdentity,
    rows: Sequence[MemberRow],
    before: Mapping[int, MemberRow],
    user_ids: Mapping[int, str],
) -> None:
    joined: dict[str, int] = {}
    invited = 0
    for row in rows:
        old = before[row.user_nid].membership if row.user_nid in before else Membership.LEAVE
        invited += (row.membership == Membership.INVITE) - (old == Membership.INVITE)
        if difference := (row.membership == Membership.JOIN) - (old == Membership.JOIN):
            server = domain_of(user_ids[row.user_nid])
            joined[server] = joined.get(server, 0) + difference
    bulk.count_servers(room.nid, {interning.server_nid(name): count for name, count in joined.items()})
    summaries.update(room.nid, {}, sum(joined.values()), invited, 0)


def _begin(
    room: RoomIdentity, event: Event, chain: state.Chain, rest: Mapping[int, int], names: _Names
) -> int:
    """Store the event on the snapshot that the chain ends with, and the rest of the state (0: goes away)."""
    rooms.lock(room.nid)
    rooms.set_version(room)
    head = rooms.head(room.nid)
    position = _take_position(room, event)
    nid = _insert(room, event, position, chain.nid, head.unread_ordinal)
    key_nid = interning.key_nid(event.type, event.state_key or "")
    after_nid = chain.extend({key_nid: nid})
    events.set_state_after(nid, after_nid)
    rooms.advance(
        room.nid,
        expected=head.position,
        position=position,
        state_nid=after_nid,
        unread_ordinal=head.unread_ordinal,
    )
    _set_extremities(room, event, nid)
    wanted = {**rest, key_nid: nid}
    present = state.current(room.nid, wanted)
    changed = {key: now for key, now in wanted.items() if present.get(key, 0) != now}
    pairs = {**names, key_nid: (event.type, event.state_key or "")}
    _apply(room, changed, pairs, position)
    # Users of this server have been invited before there was a room to count them in.
    summaries.recount_invited(room.nid)
    references.apply_waiting(room, event.event_id)
    return nid


def _take_position(room: RoomIdentity, event: Event) -> int:
    user_nid = interning.user_nid(event.state_key or event.sender)
    return stream.append([Change(Kind.STATE, room.nid), Change(Kind.MEMBERSHIP, room.nid, user_nid)])[0]


def _insert(room: RoomIdentity, event: Event, position: int, state_nid: int | None, ordinal: int) -> int:
    new = NewEvent(
        event=event,
        json=encode_event(event),
        room_nid=room.nid,
        key_nid=interning.key_nid(event.type, event.state_key or ""),
        sender_nid=interning.user_nid(event.sender),
        position=position,
        status=Status.NORMAL,
        is_outlier=False,
        state_nid=state_nid,
        thread_root_nid=None,
        unread_ordinal=ordinal,
    )
    known = events.row_by_id(event.event_id)
    if known is None:
        nid = events.insert(new)
    else:
        nid = known.nid
        events.promote(nid, new)
    auth = events.nids_by_id(event.auth_event_ids)
    store_auth_chains([Pending(event, nid=nid, auth_nids=list(auth.values()))])
    return nid


def _set_extremities(room: RoomIdentity, event: Event, nid: int) -> None:
    extremities.set_forward(room.nid, [nid])
    rows = events.rows_by_id(event.prev_event_ids)
    missing = [name for name in event.prev_event_ids if name not in rows or rows[name].is_outlier]
    extremities.add_backward(room.nid, nid, missing)


def _apply(room: RoomIdentity, changed: Mapping[int, int], names: _Names, position: int) -> None:
    found = events.events_by_nid({nid for nid in changed.values() if nid})
    changes = [StateChange(key, *names[key], found.get(nid), nid, position) for key, nid in changed.items()]
    state_changes.apply(room, changes)
