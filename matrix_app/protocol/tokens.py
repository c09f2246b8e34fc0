"""Pagination tokens: places in the one stream, and places in the history of a room.

A place in history is written as the event that it follows, in the order of (depth, nid); it needs no
event to be there.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from matrix_app.protocol.errors import InvalidParam

# Far beyond any, with room to count on from.
_MOST: Final = 1 << 62
# That of a sliding sync names its connection besides.
_STREAM: Final = re.compile(r"s([0-9]{1,19})(?:_[0-9]{1,18}_[0-9]{1,18})?")
_HISTORY: Final = re.compile(r"t([0-9]{1,19})_([0-9]{1,19})")


class StreamToken(NamedTuple):
    """Everything up to `position` has been seen: `since` and `next_batch`."""

    position: int

    def __str__(self) -> str:
        return f"s{self.position}"


class HistoryToken(NamedTuple):
    """The place right after the event (depth, nid) of a room, or after where it would stand."""

    depth: int
    nid: int

    def __str__(self) -> str:
        return f"t{self.depth}_{self.nid}"

    @classmethod
    def before(cls, depth: int, nid: int) -> HistoryToken:
        """The place right before an event."""
        return cls(depth, nid - 1)


def parse_stream_token(text: str) -> StreamToken:
    """The token that `text` is; raises `InvalidParam`."""
    found = _STREAM.fullmatch(text)
    if found is None:
        raise InvalidParam("Not a token of a sync")
    return StreamToken(_number(found[1]))


def parse_token(text: str) -> StreamToken | HistoryToken:
    """The token that `text` is; raises `InvalidParam`."""
    found = _HISTORY.fullmatch(text)
    if found is None:
        return parse_stream_token(text)
    return HistoryToken(_number(found[1]), _number(found[2]))


def _number(digits: str) -> int:
    number = int(digits)
    if number > _MOST:
        raise InvalidParam("Not a token")
    return number
