"""Tags that users put on rooms ("Room Tagging"): the room account data `m.tag`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from appliance.config import get_config
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import InvalidParam, NotFound, TooLarge
from matrix_app.protocol.ids import parse_room_id
from matrix_app.storage import account_data, db, rooms
from matrix_app.storage.user_lock import lock_user

TYPE: Final = "m.tag"
MAX_TAG_BYTES: Final = 255

Tags = dict[str, Any]


def tags_of(user_nid: int, room_id: str) -> Tags:
    """The tags of a room with what is kept about each."""
    return _read(user_nid, _room_nid(room_id))


def put_tag(user_nid: int, room_id: str, tag: str, about: dict[str, Any]) -> None:
    """Put a tag on a room, or change what is kept about it."""
    # "The name of a tag MUST NOT exceed 255 bytes."
    if not tag or len(tag.encode()) > MAX_TAG_BYTES:
        raise InvalidParam("A tag has 1 to 255 bytes")
    _change(user_nid, _room_nid(room_id), lambda tags: tags | {tag: about})


def delete_tag(user_nid: int, room_id: str, tag: str) -> None:
    """Take a tag off a room; nothing happens when it is not there."""
    _change(user_nid, _room_nid(room_id), lambda tags: {name: tags[name] for name in tags if name != tag})


def _change(user_nid: int, room_nid: int, change: Callable[[Tags], Tags]) -> None:
    with db.write():
        lock_user(user_nid)
        before = _read(user_nid, room_nid)
        after = change(before)
        if after == before:
            return
        encoded = encode_canonical({"tags": after}, lenient=True)
        if len(encoded) > get_config().limits.account_data_bytes:
            raise TooLarge("There are too many tags on this room")
        account_data.put(user_nid, room_nid, TYPE, encoded)


def _read(user_nid: int, room_nid: int) -> Tags:
    found = account_data.get(user_nid, room_nid, TYPE)
    tags = orjson.loads(found).get("tags") if found is not None else None
    return tags if isinstance(tags, dict) else {}


def _room_nid(room_id: str) -> int:
    room = rooms.find(parse_room_id(room_id))
    if room is None:
        raise NotFound("The room is not known")
    return room.nid
