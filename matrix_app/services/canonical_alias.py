"""The aliases that a room advertises (`m.room.canonical_alias`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_app.protocol.event_auth import PowerLevels
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.storage.rooms import RoomIdentity

TYPE = "m.room.canonical_alias"


def may_change(room: RoomWriter, user_id: str) -> bool:
    """Whether a user's power level lets them say what the room's aliases are."""
    levels = PowerLevels.from_state(room.auth_state(), room.room.rules)
    return levels.user_level(user_id) >= levels.level_for_event(TYPE, is_state=True)


def stop_advertising(room: RoomIdentity, user_id: str, alias: str) -> None:
    """Take an alias that is gone out of the room's canonical alias, where the user may do so."""

    def change(writer: RoomWriter) -> None:
        present = writer.state(TYPE)
        content = {} if present is None else without(present.content, alias)
        if present is None or content == present.content:
            return
        if writer.membership(user_id) == "join" and may_change(writer, user_id):
            writer.add(sender=user_id, type=TYPE, state_key="", content=content)

    write_room(room, change)


def without(content: Mapping[str, Any], alias: str) -> dict[str, Any]:
    """The content of a canonical alias event without an alias."""
    kept = {key: value for key, value in content.items() if not (key == "alias" and value == alias)}
    others = kept.get("alt_aliases")
    if isinstance(others, list) and alias in others:
        kept["alt_aliases"] = [other for other in others if other != alias]
        if not kept["alt_aliases"]:
            del kept["alt_aliases"]
    return kept
