"""What the authorisation rules ask of identifiers: the server of one, and whether a user ID is valid."""

from __future__ import annotations

from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.ids import parse_user_id


def server_of(identifier: str) -> str:
    """What follows the first colon of an identifier; empty if there is none, which no server's name is."""
    return identifier.partition(":")[2]


def is_user_id(value: object) -> bool:
    """Whether `value` is a user ID that may send events, historical ones included."""
    if not isinstance(value, str):
        return False
    try:
        parse_user_id(value)
    except InvalidParam:
        return False
    return True
