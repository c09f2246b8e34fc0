"""Stripped state for those who are invited or knock ("Stripped state" of the specification)."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.events import Event
from matrix_app.storage import events, interning, invite_state, state
from matrix_app.storage.rooms import RoomIdentity

TYPES = (
    "m.room.create",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.encryption",
)


def strip(event: Event) -> dict[str, Any]:
    """The keys that stripped state keeps of an event."""
    return {
        "content": event.content,
        "sender": event.sender,
        "state_key": event.state_key,
        "type": event.type,
    }


def collect(room: RoomIdentity, user_nid: int, member: Event | None) -> None:
    """Store what the user may see of a room that this server is in, with the member event itself.

    The sender's own member event goes along, so that clients can show who invites.
    """
    pairs = [(event_type, "") for event_type in TYPES]
    if member is not None:
        pairs.append(("m.room.member", member.sender))
    keys = interning.find_keys(pairs)
    nids = state.current(room.nid, keys.values())
    found = events.events_by_nid(nids.values())
    stripped = [strip(found[nids[key]]) for pair, key in keys.items() if key in nids]
    if member is not None and member.sender != member.state_key:
        stripped.append(
            {**strip(member), "origin_server_ts": member.origin_server_ts, "event_id": member.event_id}
        )
    elif member is not None:
        stripped = [
            {**item, "origin_server_ts": member.origin_server_ts, "event_id": member.event_id}
            if item["type"] == "m.room.member"
            else item
            for item in stripped
        ]
    invite_state.put(room.nid, user_nid, stripped)
