"""The rooms that two users share."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.ids import is_compliant_user_id, parse_user_id
from matrix_app.storage import interning, members, rooms

PAGE: Final = 100


class MutualRooms(NamedTuple):
    """A page of rooms, and how many there are in all."""

    room_ids: list[str]
    total: int
    next_batch: str | None


def mutual_rooms(reader: Requester, user_id: str, start: str | None) -> MutualRooms:
    """The rooms that both are joined to.

    Raises `InvalidParam` for oneself, for nonsense, and for a user ID that is not to be shown to clients
    ("Historical User IDs").
    """
    if not is_compliant_user_id(parse_user_id(user_id)):
        raise InvalidParam("This user ID has characters that are shown to nobody")
    if user_id == reader.user_id:
        raise InvalidParam("You share all of your rooms with yourself")
    last = _last(start)
    other = interning.find_user(user_id)
    nids = [] if other is None else members.shared_rooms(reader.user_nid, other)
    rest = [nid for nid in nids if nid > last]
    page = rest[:PAGE]
    ids = rooms.room_ids(page)
    return MutualRooms([ids[nid] for nid in page], len(nids), f"m{page[-1]}" if len(rest) > PAGE else None)


def _last(start: str | None) -> int:
    if start is None:
        return 0
    if not start.startswith("m") or not start[1:].isdecimal() or not start.isascii() or len(start) > 19:
        raise InvalidParam("Not a token of this endpoint")
    return int(start[1:])
