"""The kinds of push rules, in the order in which they are checked."""

from __future__ import annotations

from typing import Final, Literal

from matrix_app.protocol.errors import BadRequest

Kind = Literal["override", "content", "room", "sender", "underride"]
KINDS: Final[tuple[Kind, ...]] = ("override", "content", "room", "sender", "underride")


def parse_kind(value: str) -> Kind:
    """`value` as a kind of rule; raises `BadRequest` for any other."""
    if value not in KINDS:
        raise BadRequest(f"No such kind of push rule: {value}")
    return value
