"""What a user's account data says of rooms: direct chats and tags."""

from __future__ import annotations

import orjson

from matrix_app.storage import account_data, db


def direct(user_nid: int) -> frozenset[str]:
    """The IDs of the rooms that `m.direct` names."""
    stored = account_data.get(user_nid, account_data.GLOBAL, "m.direct")
    content = orjson.loads(stored) if stored is not None else {}
    lists = content.values() if isinstance(content, dict) else ()
    return frozenset(
        room_id for found in lists if isinstance(found, list) for room_id in found if isinstance(room_id, str)
    )


def tagged(user_nid: int) -> dict[int, frozenset[str]]:
    """The tags of rooms, by room."""
    sql = (
        "SELECT room_nid, content FROM account_data WHERE user_nid = %s AND type = 'm.tag' AND room_nid <> 0"
    )
    found = {nid: orjson.loads(bytes(content)) for nid, content in db.rows(sql, (user_nid,))}
    return {nid: _names(content) for nid, content in found.items()}


def _names(content: object) -> frozenset[str]:
    tags = content.get("tags") if isinstance(content, dict) else None
    return frozenset(tags) if isinstance(tags, dict) else frozenset()
