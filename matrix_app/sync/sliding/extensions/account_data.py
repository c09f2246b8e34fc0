"""Account data (MSC3959): global, and of rooms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orjson import Fragment

from matrix_app.storage import account_data, rooms
from matrix_app.storage.account_data import GLOBAL, AccountDataRow
from matrix_app.storage.stream import Kind
from matrix_app.sync.sliding.extensions.scope import START
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.v2 import user_sections

_KINDS = frozenset({Kind.ACCOUNT_DATA, Kind.ROOM_ACCOUNT_DATA, Kind.PUSH_RULES})


def tell(
    request: SlidingRequest, starts: Mapping[int, int], user_kinds: set[int] | frozenset[int]
) -> dict[str, Any]:
    """What is new: of global data, and of rooms each from its start on."""
    rows = _rows(request, starts, user_kinds)
    section: dict[str, Any] = {}
    of_user = [row for row in rows if row.room_nid == GLOBAL]
    found = user_sections.global_account_data(request.as_sync(), of_user)
    if found:
        section["global"] = found
    by_room = _by_room(row for row in rows if row.position > starts.get(row.room_nid, row.position))
    if by_room:
        section["rooms"] = by_room
    return section


def _rows(
    request: SlidingRequest, starts: Mapping[int, int], user_kinds: set[int] | frozenset[int]
) -> list[AccountDataRow]:
    """The entries that may be new, and others of the rooms."""
    since = request.since
    if since is None:
        return account_data.of_rooms(request.user_nid, [GLOBAL, *starts])
    # Rooms that are new here, or that the client was not told of for a while.
    earlier = [nid for nid, start in starts.items() if start == START or start < since]
    rows = account_data.of_rooms(request.user_nid, earlier) if earlier else []
    if _KINDS.intersection(user_kinds):
        changed = account_data.changed(request.user_nid, since, request.upto)
        rows += [row for row in changed if row.room_nid not in earlier]
    return rows


def _by_room(rows: Iterable[AccountDataRow]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        shown = {"type": row.type, "content": Fragment(row.content)}
        found.setdefault(rooms.by_nid(row.room_nid).room_id, []).append(shown)
    return found
