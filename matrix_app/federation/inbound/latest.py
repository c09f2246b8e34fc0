"""The latest event of a room, asked for where it may be missing here."""

from __future__ import annotations

from typing import Any

from matrix_app.federation.inbound import asking
from matrix_app.federation.inbound.backfill import closest, others
from matrix_app.federation.inbound.pdus import read_pdu
from matrix_app.federation.inbound.peers import Question, peers
from matrix_app.federation.inbound.refusals import refused
from matrix_app.federation.paths import federation_path
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import BadJson, MatrixError
from matrix_app.protocol.events import Event
from matrix_app.services.room_acl import server_allowed
from matrix_app.storage import db, events, interning, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.staging import NewPdu


def fetch_latest(room: RoomIdentity) -> bool | None:
    """Take in the latest event of a room as if it had been sent here just now; whether it was unknown.

    What comes before it is asked for as for any other event. Up to three servers are asked, until one
    answers; None when none does.
    """
    for server in others(room):
        if not server_allowed(room, server):
            continue
        try:
            return _fetch(room, server)
        except MatrixError as error:
            refused("latest", origin=server, room_id=room.room_id, error=error.message)
    return None


def _fetch(room: RoomIdentity, server: str) -> bool:
    event_id, _ = closest(room, server, now_ms(), backwards=True)
    known = events.row_by_id(event_id)
    if known is not None and not known.is_outlier:
        return False
    event = _event(room, server, event_id)
    encoded = encode_canonical(event.pdu, lenient=True)
    with db.write():
        origin_nid = interning.server_nid(server)
        staging.add([NewPdu(room.nid, origin_nid, event_id, encoded, now_ms(), needs_asking=True)])
    asking.wake()
    return True


def _event(room: RoomIdentity, server: str, event_id: str) -> Event:
    answer: Any = peers().ask(server, Question("GET", federation_path("v1", "event", event_id)))
    match answer:
        case {"pdus": [dict(pdu), *_]}:
            event = read_pdu(room, pdu)
            if event.event_id == event_id:
                return event
    raise BadJson(f"{server} did not answer with the event that it named")
