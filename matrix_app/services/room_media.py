"""Which media the events of a room show, as far as they are not encrypted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import orjson

from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.ids import Mxc, parse_mxc
from matrix_app.storage import history
from matrix_app.storage.rooms import RoomIdentity

BATCH: Final = 500
# How much of a room's history one look goes through: there may be no media in it for long.
LOOKED_AT: Final = 2000
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


class Shown(NamedTuple):
    """Media that an event shows: whose event it is, and when it was sent."""

    mxc: Mxc
    sender: str
    ts: int


class Latest(NamedTuple):
    """Media of a room, the latest first; `before` is where to go on looking, None where the room begins."""

    shown: list[Shown]
    before: tuple[int, int] | None


def latest_media(room: RoomIdentity, before: tuple[int, int] | None, most: int) -> Latest:
    """The latest media before a place in a room's history, of which only a piece is looked at."""
    shown: list[Shown] = []
    for _ in range(LOOKED_AT // BATCH):
        events = history.latest_bodies(room.nid, before, BATCH)
        for place, body in events:
            before = place
            shown.extend(_shown(body))
            if len(shown) >= most:
                return Latest(shown, before)
        if len(events) < BATCH:
            return Latest(shown, None)
    return Latest(shown, before)


def _shown(body: bytes) -> list[Shown]:
    if _MARK not in body:
        return []
    event = orjson.loads(body)
    found = dict.fromkeys(_in(event["content"], 0))
    return [Shown(mxc, event["sender"], event["origin_server_ts"]) for mxc in found]


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
