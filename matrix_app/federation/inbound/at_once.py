"""Storing what a transaction brings together with its answer, where nothing stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matrix_app.federation.inbound.pdus import as_hashed
from matrix_app.protocol.errors import Unavailable
from matrix_app.protocol.events import Event
from matrix_app.services.received_lines import store_line
from matrix_app.storage.rooms import RoomIdentity


def store_at_once(room: RoomIdentity, found: Sequence[Event], beside: Callable[[], None]) -> bool:
    """Store all of the events, and what `beside` stores in the same transaction; whether that was done.

    They have been verified. It is done where they plainly continue a room that this server is in, and nobody
    else moves the room at the moment: so nothing is waited for, and no state resolved.
    """
    try:
        line = [as_hashed(event) for event in found]
        return store_line(room, line, lambda _: beside(), whole=True, patience=0.0) > 0
    except Unavailable:
        return False
