"""Places in the history of a room that tokens stand for."""

from __future__ import annotations

from matrix_app.protocol.tokens import HistoryToken, StreamToken
from matrix_app.storage import history


def place_of(room_nid: int, token: StreamToken | HistoryToken) -> HistoryToken:
    """The place in the history; for a position of the stream, right after what had come by then."""
    if isinstance(token, HistoryToken):
        return token
    found = history.place_at(room_nid, token.position)
    return HistoryToken(*found) if found else HistoryToken(0, 0)
