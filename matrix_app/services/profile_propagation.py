"""Carrying a changed name or avatar into the member events of every room a user is in.

Profile and member events say what is left to do, so it may be run again at any time: for a few rooms at
once with the request, for the rest by a worker. A row remembers that it is not finished.
"""

from __future__ import annotations

from typing import Any, Final

import structlog

from matrix_app.protocol.errors import MatrixError
from matrix_app.services.background import run_later
from matrix_app.services.member_content import PROFILE_FIELDS, member_content, profile_of
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.storage import db, events, interning, members, profiles, rooms
from matrix_app.storage.clock import now_ms
from matrix_app.storage.members import Membership

AT_ONCE: Final = 20
LATE_MS: Final = 120_000
BATCH: Final = 20

_log = structlog.get_logger("matrix_app.profiles")


def start(user_nid: int) -> None:
    """Remember that a user's rooms have to be told; in the transaction of the change."""
    profiles.put_propagation(user_nid, now_ms())


def propagate_some(user_id: str) -> None:
    """Tell the first few rooms now, and have a worker tell the others."""
    if not _propagate(user_id, AT_ONCE):
        run_later("propagate_profile", user_id)


def propagate(user_id: str) -> None:
    """Tell all rooms that have not been told."""
    _propagate(user_id, None)


def propagate_late() -> int:
    """Finish what a process that ended has left behind; how many users."""
    late = profiles.propagations_before(now_ms() - LATE_MS, BATCH)
    for user_id in interning.user_ids(late).values():
        propagate(user_id)
    return len(late)


def _propagate(user_id: str, limit: int | None) -> bool:
    """Tell up to `limit` rooms; whether that was all of them."""
    nid = interning.user_nid(user_id)
    changed_ts = profiles.propagation_of(nid)
    outdated = _outdated_rooms(nid, profile_of(user_id))
    for room_nid in outdated[:limit]:
        _update(user_id, room_nid)
    finished = limit is None or len(outdated) <= limit
    if finished and changed_ts is not None:
        with db.write():
            profiles.forget_propagation(nid, changed_ts)
    return finished


def _outdated_rooms(user_nid: int, wanted: dict[str, str]) -> list[int]:
    joined = members.of_user(user_nid, [Membership.JOIN])
    found = events.events_by_nid(row.event_nid for row in joined)
    newest = sorted(joined, key=lambda row: -row.position)
    return [row.room_nid for row in newest if _shown(found[row.event_nid].content) != wanted]


def _shown(content: dict[str, Any]) -> dict[str, Any]:
    return {name: content[name] for name in PROFILE_FIELDS if content.get(name)}


def _update(user_id: str, room_nid: int) -> None:
    def change(room: RoomWriter) -> None:
        present = room.state_content("m.room.member", user_id)
        wanted = member_content(user_id, "join", {}, None)
        if present.get("membership") == "join" and _shown(present) != _shown(wanted):
            room.add(sender=user_id, type="m.room.member", state_key=user_id, content=wanted)

    room = rooms.by_nid(room_nid)
    try:
        write_room(room, change)
    except MatrixError as error:
        # A room may refuse the event, or be busy; the others still get it.
        _log.warning("a profile could not be shown in a room", room=room.room_id, error=error.message)
