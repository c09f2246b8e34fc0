"""What the authorisation rules ask of identifiers: the server of one, and whether a user ID is valid."""

from __future__ import annotations

from matrix_app.protocol import ids


def server_of(identifier: str) -> str:
    """What follows the first colon of an identifier; empty if there is none, which no server's name is."""
    return identifier.partition(":")[2]


def is_user_id(value: object) -> bool:
    """Whether `value` is a user ID that may send events, historical ones included."""
    return isinstance(value, str) and ids.is_user_id(value)
