"""Rooms as administrators list and look at them, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any

from matrix_app.client_api.admin_query import V1, flag, part_of
from matrix_app.client_api.reading import json_list
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import NotFound
from matrix_app.services.administer_room import room_of
from matrix_app.services.event_view import render_state
from matrix_app.services.room_state import rows_of
from matrix_app.storage import events, interning, members, numbered_lists, state
from matrix_app.storage.members import Membership
from matrix_app.storage.numbered_lists import ROOM_ORDERS, NumberedRoom, RoomQuery

# Sorted by these, the biggest come first.
_BIGGEST_FIRST = frozenset({"joined_members", "joined_local_members", "version", "state_events"})


@endpoint("GET", f"{V1}/rooms", auth=Auth.ADMIN, slow=True)
def list_rooms(request: Request) -> dict[str, Any]:
    """The rooms that are known here."""
    order = request.query("order_by") or "name"
    part = part_of(request, ROOM_ORDERS, "name")
    # `dir=b` turns the order of the column around, which begins with the biggest numbers.
    part = part._replace(backwards=part.backwards != (order in _BIGGEST_FIRST))
    query = RoomQuery(
        request.query("search_term") or "", flag(request, "public_rooms"), flag(request, "empty_rooms")
    )
    found, total = numbered_lists.rooms(query, part), numbered_lists.count_rooms(query)
    answer = {"rooms": [_listed(row) for row in found], "offset": part.offset, "total_rooms": total}
    end = part.offset + len(found)
    if found and end < total:
        answer["next_batch"] = end
    if part.offset:
        answer["prev_batch"] = max(0, part.offset - part.limit)
    return answer


def _listed(row: NumberedRoom) -> dict[str, Any]:
    return {
        "room_id": row.room_id,
        "name": row.name,
        "canonical_alias": row.canonical_alias,
        "joined_members": row.joined_members,
        "joined_local_members": row.local_joined_members,
        "version": row.version,
        "creator": row.creator,
        "encryption": row.encryption,
        "federatable": row.federate,
        "public": row.is_published,
        "join_rules": row.join_rule,
        "guest_access": row.guest_access,
        "history_visibility": row.history_visibility,
        "state_events": row.state_events,
        "room_type": row.room_type,
    }


@endpoint("GET", f"{V1}/rooms/{{room_id}}", auth=Auth.ADMIN)
def get_room(request: Request) -> dict[str, Any]:
    """All of a room but its members and state."""
    room = room_of(request.path["room_id"])
    row = numbered_lists.room(room.nid)
    if row is None:
        raise NotFound("Nothing is known of the room")
    local = members.local_joined(room.nid)
    successor = _successor(room.nid)
    return _listed(row) | {
        "topic": row.topic,
        "avatar": row.avatar_url,
        "joined_local_devices": members.devices_of(room.nid),
        "forgotten": not local and not members.is_remembered(room.nid),
        "tombstoned": successor is not None,
        "replacement_room": successor,
    }


def _successor(room_nid: int) -> str | None:
    """The room that took a room's place: empty where it says none, None where it is in use."""
    key = interning.find_key("m.room.tombstone", "")
    nid = None if key is None else state.current(room_nid, [key]).get(key)
    if nid is None:
        return None
    found = events.events_by_nid([nid])[nid].content.get("replacement_room")
    return found if isinstance(found, str) else ""


@endpoint("GET", f"{V1}/rooms/{{room_id}}/members", auth=Auth.ADMIN)
def get_members(request: Request) -> dict[str, Any]:
    """Who is in a room."""
    joined = members.in_room(room_of(request.path["room_id"]).nid, (Membership.JOIN,))
    found = sorted(interning.user_ids(row.user_nid for row in joined).values())
    return {"members": found, "total": len(found)}


@endpoint("GET", f"{V1}/rooms/{{room_id}}/state", auth=Auth.ADMIN)
def get_room_state(request: Request) -> dict[str, Any]:
    """The present state of a room, or what of it has a type."""
    wanted = request.query("type")
    rows = rows_of(state.current_full(room_of(request.path["room_id"]).nid))
    kept = [row for row in rows if wanted is None or row.type == wanted]
    return {"state": json_list(render_state(kept))}
