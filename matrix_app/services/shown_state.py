"""What a server gets to know of a room that one of its users knocks on or is invited to."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.protocol.events import type_and_key
from matrix_app.services.effects.stripped_state import TYPES
from matrix_app.services.pdus import pdu_of
from matrix_app.storage import events, interning, state
from matrix_app.storage.rooms import RoomIdentity


def shown_state(room: RoomIdentity, others: Iterable[type_and_key] = ()) -> list[bytes]:
    """The state events that tell what the room is, each as a whole PDU, the create event among them."""
    keys = interning.find_keys([*((event_type, "") for event_type in TYPES), *others])
    nids = state.current(room.nid, keys.values())
    rows = events.rows_by_nid(nids.values())
    return [pdu_of(rows[nid]) for nid in sorted(rows)]
