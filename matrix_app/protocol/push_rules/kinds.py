"""The kinds of push rules, in the order in which they are checked.

`postcontent` is of MSC4306: its rules are predefined, and there for users who subscribe to threads.
"""

from __future__ import annotations

from typing import Final, Literal

from matrix_app.protocol.errors import BadRequest

Kind = Literal["override", "content", "postcontent", "room", "sender", "underride"]
KINDS: Final[tuple[Kind, ...]] = ("override", "content", "postcontent", "room", "sender", "underride")


def parse_kind(value: str) -> Kind:
    """`value` as a kind of rule; raises `BadRequest` for any other."""
    if value not in KINDS:
        raise BadRequest(f"No such kind of push rule: {value}")
    return value
