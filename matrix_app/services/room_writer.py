"""Building local events on top of a room, and committing them in one transaction.

    def change(room: RoomWriter) -> Event:
        return room.add(sender=..., type=..., content=...)

    event = write_room(identity, change)

`write_room` runs the function again when another process moved the room meanwhile, so the function
must have no effect but through the writer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from matrix_app.protocol.errors import Unavailable
from matrix_app.protocol.event_auth import auth_types_for_event, check_event
from matrix_app.protocol.event_format import create_event
from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.services.local_identity import local_identity
from matrix_app.services.persist import Pending, StaleRoomError, assess, persist_assessed, persist_live
from matrix_app.services.policy_servers import POLICY, lacking
from matrix_app.services.room_lock import ATTEMPTS, room_locked
from matrix_app.storage import db, events, interning, rooms, state
from matrix_app.storage.rooms import RoomHead, RoomIdentity

T = TypeVar("T")

MAX_PREV_EVENTS = 10


class RoomWriter:
    """A room as the next event sees it, and the events added so far."""

    def __init__(self, room: RoomIdentity, head: RoomHead) -> None:
        self.room = room
        self.head = head
        self.pending: list[Pending] = []
        self._state: dict[type_and_key, Event | None] = {}
        self._nids: dict[str, int] = {}

    def prefetch(self, pairs: Iterable[type_and_key]) -> None:
        """Read several entries of the present state at once."""
        missing = [pair for pair in pairs if pair not in self._state]
        if not missing:
            return
        keys = interning.find_keys(missing) if self.head.state_nid is not None else {}
        found = state.current(self.room.nid, keys.values()) if keys else {}
        parsed = events.events_by_nid(found.values())
        for pair in missing:
            nid = found.get(keys.get(pair, 0))
            self._state[pair] = None if nid is None else parsed[nid]
            if nid is not None:
                self._nids[parsed[nid].event_id] = nid

    def state(self, event_type: str, state_key: str = "") -> Event | None:
        """An entry of the state that the next event is built on."""
        pair = (event_type, state_key)
        if pair not in self._state:
            self.prefetch([pair])
        return self._state[pair]

    def state_content(self, event_type: str, state_key: str = "") -> dict[str, Any]:
        """The content of a state event; empty when there is none."""
        found = self.state(event_type, state_key)
        return {} if found is None else found.content

    def membership(self, user_id: str) -> str:
        """The membership of a user; "leave" where there is no event."""
        value = self.state_content("m.room.member", user_id).get("membership", "leave")
        return str(value)

    def auth_state(self) -> dict[type_and_key, Event]:
        """The create event and the power levels, which together say who may do what."""
        pairs = [("m.room.create", ""), ("m.room.power_levels", "")]
        self.prefetch(pairs)
        return {pair: found for pair in pairs if (found := self._state[pair]) is not None}

    def add(
        self,
        *,
        sender: str,
        type: str,
        content: dict[str, Any],
        state_key: str | None = None,
        redacts: str | None = None,
        origin_server_ts: int | None = None,
        device_nid: int | None = None,
        txn_scope: str = "",
        txn_id: str | None = None,
    ) -> Event:
        """Build an event on what is there, authorise and sign it; stored by `write_room` at the end.

        Raises `AuthorizationFailed` when the room's rules refuse it, `TooLarge`, `BadJson`.
        """
        rules = self.room.rules
        pairs = auth_types_for_event(rules, type=type, sender=sender, state_key=state_key, content=content)
        wanted = [*pairs, ("m.room.create", ""), POLICY]
        self.prefetch(wanted)
        selected = {pair: found for pair in wanted if (found := self._state[pair]) is not None}
        identity = local_identity()
        event = create_event(
            rules=rules,
            room_id=self.room.room_id or None,
            sender=sender,
            type=type,
            state_key=state_key,
            content=content,
            prev_events=self._previous(),
            auth_events=[selected[pair] for pair in pairs if pair in selected],
            depth=self._next_depth(),
            origin_server_ts=origin_server_ts if origin_server_ts is not None else int(time.time() * 1000),
            redacts=redacts,
            server_name=identity.server_name,
            key=identity.signing_key,
        )
        check_event(event, selected)
        if type == "m.room.create" and rules.room_id_is_create_hash:
            self.room = self.room._replace(room_id=event.room_id)
        self._append(Pending(event=event, device_nid=device_nid, txn_id=txn_id, txn_scope=txn_scope))
        return event

    def _append(self, pending: Pending) -> None:
        self.pending.append(pending)
        event = pending.event
        if event.state_key is not None:
            self._state[(event.type, event.state_key)] = event

    def _previous(self) -> list[Event]:
        if self.pending:
            return [self.pending[-1].event]
        nids = [extremity.nid for extremity in self.head.extremities[:MAX_PREV_EVENTS]]
        parsed = events.events_by_nid(nids)
        return [parsed[nid] for nid in nids]

    def _next_depth(self) -> int:
        if self.pending:
            deepest = self.pending[-1].event.depth
        else:
            deepest = max((extremity.depth for extremity in self.head.extremities), default=0)
        return min(deepest + 1, (1 << 63) - 1)

    def needs_policy_server(self) -> bool:
        """Whether the room's policy server has to sign what was added before it is stored."""
        policy = self._state.get(POLICY)
        return any(lacking(self.room, item.event, policy) is not None for item in self.pending)

    @property
    def nids(self) -> dict[str, int]:
        """The nids of the stored events that were used, by event ID."""
        return self._nids


def write_room(
    room: RoomIdentity, change: Callable[[RoomWriter], T], *, beside: Callable[[T], None] | None = None
) -> T:
    """Run `change` on a room and commit the events it added, or none of them.

    `beside` gets the result of `change` and stores, in the same transaction, what belongs with the events;
    it is not called when there are none. Where the room has a policy server, it is asked first: see
    `policy_writing.write_signed`.
    """
    with room_locked(room.nid):
        for _ in range(ATTEMPTS):
            writer = RoomWriter(room, rooms.head(room.nid))
            result = change(writer)
            if writer.needs_policy_server():
                break
            if _stored(writer, result, beside):
                return result
        else:
            raise Unavailable("The room is busy")
    from matrix_app.services.policy_writing import write_signed  # which is built on this module

    return write_signed(room, writer.pending[0].event.sender, change, beside)


def read_room(room: RoomIdentity) -> RoomWriter:
    """The present state of a room, for looking at only: what is added to this writer is never stored."""
    return RoomWriter(room, rooms.head(room.nid))


def _stored(writer: RoomWriter, result: T, beside: Callable[[T], None] | None) -> bool:
    if not writer.pending:
        return True
    try:
        if beside is None:
            persist_live(writer.room, writer.head, writer.pending, writer.nids)
        else:
            assessed = assess(writer.room, writer.head, writer.pending)
            with db.write():
                persist_assessed(writer.room, writer.head, writer.pending, assessed, writer.nids)
                beside(result)
    except StaleRoomError:
        return False
    return True


def draft_room(rules: RoomVersion, room_id: str, change: Callable[[RoomWriter], object]) -> RoomWriter:
    """The events of a new room, the create event first; nothing is stored before `store_new_room`.

    `room_id` is empty where the create event makes it.
    """
    writer = RoomWriter(RoomIdentity(0, room_id, rules), RoomHead(None, 0, 0, []))
    change(writer)
    return writer


def store_new_room(draft: RoomWriter) -> RoomIdentity:
    """Make a room of a draft; to be called inside a write transaction."""
    create = draft.pending[0].event
    creator = interning.user_nid(create.sender)
    room = rooms.create(draft.room.room_id, draft.room.rules.identifier, creator, create.origin_server_ts)
    persist_live(room, draft.head, draft.pending, draft.nids)
    return room
