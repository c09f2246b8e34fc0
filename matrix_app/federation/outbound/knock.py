"""Knocking on a room elsewhere ("Knocking upon a room")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from matrix_app.federation.inbound.pdus import verified
from matrix_app.federation.outbound.handshake import complete, first_of, hand_in, make
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import BadGateway
from matrix_app.services.effects.stripped_state import strip
from matrix_app.services.member_outliers import keep_knock
from matrix_app.services.received_invites import told_state
from matrix_app.storage import db, rooms

TIMEOUT: Final = 30.0


def knock(requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]) -> None:
    """Knock by way of the first of the servers that takes it."""
    first_of(servers, lambda server: _knock_by(server, requester.user_id, room_id, content))


def _knock_by(server: str, user_id: str, room_id: str, content: dict[str, Any]) -> None:
    template = make(server, "knock", room_id, user_id)
    event = complete(template, content)
    answer = hand_in(server, "knock", event, timeout=TIMEOUT)
    if not isinstance(answer, dict):
        raise BadGateway(f"{server} did not answer with an object")
    told = told_state(answer.get("knock_room_state"), template.rules, room_id)
    # "Entries which are improperly signed or formatted SHOULD be removed". The knock stands in any case.
    shown = [*map(strip, verified(told.whole, origin=server)), *told.stripped]
    with db.write():
        room = rooms.ensure(room_id, template.rules.identifier)
        keep_knock(room, event, shown)
