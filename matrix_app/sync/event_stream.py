"""The old event stream, one flat list ("GET /events", deprecated), and peeking into one room by it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from orjson import Fragment

from matrix_app.protocol.errors import Forbidden
from matrix_app.services.event_view import render_events
from matrix_app.services.push_rules import PUSH_RULES, ruleset_of
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import (
    account_data,
    events,
    interning,
    members,
    presence,
    receipts,
    rooms,
    summaries,
)
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import Membership
from matrix_app.sync import memo, typists

MOST_EVENTS = 100


def rooms_of(user_nid: int, room_id: str | None, joined: Collection[int]) -> frozenset[int]:
    """The rooms whose events are asked for; raises `Forbidden` for a room that cannot be peeked into."""
    if room_id is None:
        return frozenset(joined)
    room = rooms.find(room_id)
    if room is None or not (
        room.nid in joined or summaries.get(room.nid).history_visibility == "world_readable"
    ):
        raise Forbidden("You are not in this room, and its history is not world-readable")
    return frozenset((room.nid,))


def chunk(
    user_nid: int,
    device_nid: int | None,
    room_nids: Collection[int],
    after: int,
    upto: int,
    *,
    only_rooms: bool,
) -> tuple[list[Any], int]:
    """What happened after `after`, and up to where: `upto`, or earlier when it is much."""
    rows, upto = _rows(user_nid, room_nids, after, upto, only_rooms)
    shown: list[Any] = [
        Fragment(event)
        for event in render_events(rows, viewer_nid=user_nid, device_nid=device_nid, bundle=False)
    ]
    shown += _ephemeral(user_nid, room_nids, after, upto)
    if only_rooms:
        present = {row.user_nid for nid in room_nids for row in members.in_room(nid, [Membership.JOIN])}
    else:
        shown += _personal(user_nid, after, upto)
        present = {*members.sharing_rooms(user_nid), user_nid}
    shown += _presence(present, after, upto)
    return shown, upto


def _rows(
    user_nid: int, room_nids: Collection[int], after: int, upto: int, only_rooms: bool
) -> tuple[list[EventRow], int]:
    found: list[EventRow] = []
    for nid in room_nids:
        rows = events.following(nid, after, upto, MOST_EVENTS + 1)
        if len(rows) > MOST_EVENTS:
            # The next chunk goes on in all rooms from here.
            upto = min(upto, rows[MOST_EVENTS - 1].position or upto)
        found += rows
    found = [row for row in found if (row.position or 0) <= upto]
    visible = filter_visible(found, user_nid)
    if not only_rooms:
        visible += _own_memberships(user_nid, room_nids, after, upto)
    ordered = sorted(visible, key=lambda row: row.position or 0)
    if len(ordered) > MOST_EVENTS:
        ordered = ordered[:MOST_EVENTS]
        upto = ordered[-1].position or upto
    return ordered, upto


def _own_memberships(user_nid: int, room_nids: Collection[int], after: int, upto: int) -> list[EventRow]:
    """Invites, and the user's leaving of rooms that are not theirs any more."""
    away = (Membership.INVITE, Membership.KNOCK, Membership.LEAVE, Membership.BAN)
    changed = [
        row
        for row in members.of_user_since(user_nid, after)
        if row.membership in away and row.position <= upto and row.room_nid not in room_nids
        if row.membership != Membership.INVITE or memo.shows_invite(user_nid, row.sender_nid)
    ]
    return list(events.rows_by_nid([row.event_nid for row in changed]).values())


def _ephemeral(user_nid: int, room_nids: Collection[int], after: int, upto: int) -> list[Any]:
    shown: list[Any] = []
    rows = receipts.in_rooms(room_nids, after, upto, user_nid)
    for nid, content in receipts.contents(rows).items():
        shown.append({"type": "m.receipt", "room_id": rooms.by_nid(nid).room_id, "content": content})
    for nid, user_nids in typists.in_rooms(user_nid, room_nids, after, upto).items():
        names = interning.user_ids(user_nids)
        content = {"user_ids": [names[user] for user in user_nids]}
        shown.append({"type": "m.typing", "room_id": rooms.by_nid(nid).room_id, "content": content})
    return shown


def _personal(user_nid: int, after: int, upto: int) -> list[Any]:
    shown: list[Any] = []
    for entry in account_data.changed(user_nid, after, upto):
        is_rules = entry.room_nid == 0 and entry.type == PUSH_RULES
        event: dict[str, Any] = {
            "type": entry.type,
            "content": ruleset_of(user_nid) if is_rules else Fragment(entry.content),
        }
        if entry.room_nid:
            event["room_id"] = rooms.by_nid(entry.room_nid).room_id
        shown.append(event)
    return shown


def _presence(user_nids: Collection[int], after: int, upto: int) -> list[Any]:
    found = presence.contents(presence.in_stream(user_nids, after, upto))
    names = interning.user_ids(found)
    return [
        {"type": "m.presence", "sender": names[nid], "content": {"user_id": names[nid], **content}}
        for nid, content in found.items()
    ]
