"""Which media the events of a room show, as far as they are not encrypted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.ids import Mxc, parse_mxc
from matrix_app.storage import history
from matrix_app.storage.rooms import RoomIdentity

BATCH: Final = 500
_MARK: Final = b"mxc://"
_DEEPEST: Final = 20


def media_of_room(room: RoomIdentity) -> Iterator[set[Mxc]]:
    """The URIs in the events of a room, those of some hundred events at a time."""
    after = (-1, -1)
    while events := history.bodies(room.nid, after, BATCH):
        after = events[-1][0]
        found = media_of_events(body for _, body in events)
        if found:
            yield found


def media_of_events(bodies: Iterable[bytes]) -> set[Mxc]:
    """The URIs in some events."""
    return {mxc for body in bodies if _MARK in body for mxc in _in(orjson.loads(body)["content"], 0)}


def _in(value: Any, depth: int) -> Iterator[Mxc]:
    if isinstance(value, str):
        if value.startswith("mxc://"):
            try:
                yield parse_mxc(value)
            except InvalidParam:
                return
        return
    if depth >= _DEEPEST or not isinstance(value, (dict, list)):
        return
    for child in value.values() if isinstance(value, dict) else value:
        yield from _in(child, depth + 1)
