"""The summary of one room, for somebody who may want to join it ("GET /room_summary")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.ids import parse_room_id
from matrix_app.services.remote_membership import candidates
from matrix_app.services.remote_spaces import TreeAsker, accessible
from matrix_app.services.room_aliases import resolve
from matrix_app.services.room_previews import previews
from matrix_app.storage import members, rooms
from matrix_app.storage.members import Membership


def room_summary(
    room_id_or_alias: str, reader: Requester | None, servers: Sequence[str] = ()
) -> dict[str, Any]:
    """The summary with the reader's membership; raises `NotFound` for a room that they may not know of.

    Who is not signed in sees open rooms alone, and none of other servers. `servers` may know the room.
    """
    if room_id_or_alias.startswith("#"):
        found = resolve(room_id_or_alias)
        room_id, servers = found.room_id, [*servers, *found.servers]
    else:
        room_id = parse_room_id(room_id_or_alias)
    preview = previews([room_id], reader).get(room_id)
    if preview is None and reader is not None:
        return _told_elsewhere(room_id, reader, servers)
    if preview is None or not preview.is_accessible:
        raise NotFound("Room not found")
    body = preview.body()
    if reader is not None:
        body["membership"] = preview.membership
    return body


def _told_elsewhere(room_id: str, reader: Requester, servers: Sequence[str]) -> dict[str, Any]:
    told = TreeAsker().ask({room_id: candidates(room_id, reader.user_nid, servers)}).get(room_id)
    if told is None or not accessible([told.room], reader):
        raise NotFound("Room not found")
    room = rooms.find(room_id)
    member = members.get(room.nid, reader.user_nid) if room is not None else None
    return told.room.summary | {"membership": Membership(member.membership).word if member else "leave"}
