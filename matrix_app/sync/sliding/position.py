"""The `pos` of sliding sync: what a connection has been sent, and up to where in the stream."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from matrix_app.protocol.errors import UnknownPos

_FORM: Final = re.compile(r"s([0-9]{1,18})_([0-9]{1,18})_([0-9]{1,18})")


class Position(NamedTuple):
    """Everything up to `stream` that concerns what version `version` of a connection says was sent."""

    stream: int
    connection: int
    version: int

    def __str__(self) -> str:
        return f"s{self.stream}_{self.connection}_{self.version}"


def parse_position(text: str) -> Position:
    """The position that `text` is; raises `UnknownPos`."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise UnknownPos("Not a position of a sliding sync")
    return Position(*map(int, found.groups()))
