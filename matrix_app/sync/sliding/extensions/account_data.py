"""Account data (MSC3959): global, and of rooms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orjson import Fragment

from matrix_app.storage import account_data, rooms
from matrix_app.storage.account_data import AccountDataRow
from matrix_app.storage.stream import Kind
from matrix_app.sync.sliding.extensions.scope import START
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.v2 import user_sections

_KINDS = frozenset({Kind.ACCOUNT_DATA, Kind.ROOM_ACCOUNT_DATA, Kind.PUSH_RULES})


def tell(
    request: SlidingRequest, starts: Mapping[int, int], user_kinds: set[int] | frozenset[int]
) -> dict[str, Any]:
    """What is new: of global data, and of rooms each from its start on."""
    entries = _changed(request, user_kinds)
    section: dict[str, Any] = {}
    found = user_sections.global_account_data(request.as_sync(), entries)
    if found:
        section["global"] = found
    by_room = _of_rooms(request, starts, entries)
    if by_room:
        section["rooms"] = by_room
    return section


def _changed(request: SlidingRequest, user_kinds: set[int] | frozenset[int]) -> list[AccountDataRow]:
    if request.since is None:
        return account_data.of_rooms(request.user_nid, [account_data.GLOBAL])
    if not _KINDS.intersection(user_kinds):
        return []
    return account_data.changed(request.user_nid, request.since, request.upto)


def _of_rooms(
    request: SlidingRequest, starts: Mapping[int, int], entries: list[AccountDataRow]
) -> dict[str, list[Any]]:
    since = request.since or 0
    # Rooms that are new here, or that the client was not told of for a while.
    earlier = [nid for nid, start in starts.items() if start == START or start < since]
    rows = account_data.of_rooms(request.user_nid, earlier) if earlier else []
    rows += [entry for entry in entries if entry.room_nid in starts and starts[entry.room_nid] == since]
    found: dict[str, list[Any]] = {}
    for row in rows:
        if row.position > starts[row.room_nid]:
            shown = {"type": row.type, "content": Fragment(row.content)}
            found.setdefault(rooms.by_nid(row.room_nid).room_id, []).append(shown)
    return found
