"""The summary of one room, for somebody who may want to join it ("GET /room_summary")."""

from __future__ import annotations

from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.ids import parse_room_id
from matrix_app.services.room_aliases import resolve
from matrix_app.services.room_previews import previews


def room_summary(room_id_or_alias: str, reader: Requester | None) -> dict[str, Any]:
    """The summary with the reader's membership; raises `NotFound` for a room that they may not know of.

    Who is not signed in sees open rooms alone.
    """
    if room_id_or_alias.startswith("#"):
        room_id = resolve(room_id_or_alias).room_id
    else:
        room_id = parse_room_id(room_id_or_alias)
    preview = previews([room_id], reader).get(room_id)
    if preview is None or not preview.is_accessible:
        raise NotFound("Room not found")
    body = preview.body()
    if reader is not None:
        body["membership"] = preview.membership
    return body
