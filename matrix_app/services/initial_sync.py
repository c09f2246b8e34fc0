"""All of a room, or of a user's rooms, at once: the initial syncs of old clients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden
from matrix_app.protocol.tokens import HistoryToken, StreamToken
from matrix_app.services.history_page import read_page
from matrix_app.services.invite_permission import blocks_invites
from matrix_app.services.presence import enabled
from matrix_app.services.room_access import RoomAccess, access_room
from matrix_app.services.room_state import whole_state
from matrix_app.storage import (
    account_data,
    directory,
    events,
    ignored_users,
    interning,
    members,
    presence,
    receipts,
    rooms,
    stream,
)
from matrix_app.storage.account_data import GLOBAL, AccountDataRow
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import MemberRow, Membership


class RoomInfo(NamedTuple):
    """A room: its latest events, oldest first, the places around them, and its state."""

    access: RoomAccess
    recent: list[EventRow]
    start: HistoryToken
    end: StreamToken | HistoryToken
    state: list[EventRow]
    is_published: bool
    account_data: list[AccountDataRow]


def room_info(access: RoomAccess, *, limit: int) -> RoomInfo:
    """The room with at most `limit` of its latest events, as its reader may know it."""
    position = StreamToken(stream.current_position())
    page = read_page(access, backwards=True, limit=limit)
    recent = page.rows[::-1]
    first = HistoryToken.before(recent[0].depth, recent[0].nid) if recent else page.start
    return RoomInfo(
        access,
        recent,
        page.end or first,
        access.last_place or position,
        whole_state(access),
        directory.is_published(access.room.nid),
        account_data.of_rooms(access.reader.user_nid, [access.room.nid]),
    )


def invites(reader: Requester) -> list[tuple[MemberRow, EventRow]]:
    """The rooms that the user is invited to, with the invites; not those that they do not want to see."""
    if blocks_invites(reader.user_nid):
        return []
    ignored = ignored_users.ignored_by(reader.user_nid)
    invited = members.of_user(reader.user_nid, [Membership.INVITE])
    found = [member for member in invited if member.sender_nid not in ignored]
    rows = events.rows_by_nid(member.event_nid for member in found)
    return [(member, rows[member.event_nid]) for member in found if member.event_nid in rows]


def own_rooms(reader: Requester, *, archived: bool, limit: int) -> list[RoomInfo]:
    """The rooms that the user is joined to, and with `archived` those that they have left."""
    wanted = (Membership.JOIN, Membership.LEAVE, Membership.BAN) if archived else (Membership.JOIN,)
    found = [member for member in members.of_user(reader.user_nid, wanted) if not member.forgotten]
    ids = rooms.room_ids(member.room_nid for member in found)
    accesses = (_access(ids[member.room_nid], reader) for member in found)
    return [room_info(access, limit=limit) for access in accesses if access is not None]


def _access(room_id: str, reader: Requester) -> RoomAccess | None:
    try:
        return access_room(room_id, reader)
    except Forbidden:
        # Turned down or taken back before the user was ever in the room.
        return None


def presence_events(user_nids: Iterable[int]) -> list[dict[str, Any]]:
    """The presence of users, as `m.presence` events; of whom nothing is known is offline."""
    if not enabled():
        return []
    names = interning.user_ids(user_nids)
    found = presence.contents(presence.get_many(names).values())
    return [
        {
            "type": "m.presence",
            "sender": user_id,
            "content": {"user_id": user_id, **found.get(nid, {"presence": "offline"})},
        }
        for nid, user_id in names.items()
    ]


def receipt_events(room_nids: Iterable[int], reader: Requester) -> list[dict[str, Any]]:
    """The receipts of rooms, as one `m.receipt` event each."""
    rows = receipts.in_rooms(room_nids, -1, stream.current_position(), reader.user_nid)
    return [
        {"type": "m.receipt", "room_id": rooms.by_nid(nid).room_id, "content": content}
        for nid, content in receipts.contents(rows).items()
    ]


def global_account_data(reader: Requester) -> list[AccountDataRow]:
    """The user's account data outside of rooms."""
    return account_data.of_rooms(reader.user_nid, [GLOBAL])
