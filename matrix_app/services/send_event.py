"""Sending events into a room: messages and state."""

from __future__ import annotations

from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.canonical_json import is_same_json
from matrix_app.services import presence
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.client_transaction import Transaction, add_once
from matrix_app.services.content_checks import check_content, check_state_content
from matrix_app.services.guest_access import remove_guests
from matrix_app.services.known_rooms import require_room
from matrix_app.services.member_state import set_member_state
from matrix_app.services.redact import REDACTION, send_redaction
from matrix_app.services.relation_checks import check_relation
from matrix_app.services.room_writer import RoomWriter, write_room


def send_message(
    requester: Requester,
    room_id: str,
    event_type: str,
    content: dict[str, Any],
    *,
    txn_id: str | None = None,
    origin_server_ts: int | None = None,
) -> str:
    """Send an event that is no state; its ID. A repeated transaction ID answers the first event's."""
    room = require_room(room_id)
    transaction = (
        None if txn_id is None else Transaction.of(requester, f"send/{room.nid}/{event_type}", txn_id)
    )
    if event_type == REDACTION:
        return send_redaction(requester, room, content, transaction, origin_server_ts)
    refuse_suspended(requester)

    def change(writer: RoomWriter) -> str:
        # Who may not send anything is told so, whatever they send.
        if writer.membership(requester.user_id) == "join":
            check_content(room, event_type, content)
        check_relation(requester, event_type, content, transaction)
        return add_once(
            writer,
            transaction,
            sender=requester.user_id,
            type=event_type,
            content=content,
            origin_server_ts=origin_server_ts,
        )

    event_id = write_room(room, change)
    presence.active(requester.user_nid)
    return event_id


def send_state(
    requester: Requester,
    room_id: str,
    event_type: str,
    state_key: str,
    content: dict[str, Any],
    *,
    origin_server_ts: int | None = None,
) -> str:
    """Set an entry of a room's state; the ID of the event that says so, which may be there already.

    A membership is changed by the same rules as by its own endpoints.
    """
    if event_type == "m.room.member":
        return set_member_state(requester, room_id, state_key, content, origin_server_ts=origin_server_ts)
    refuse_suspended(requester)
    room = require_room(room_id)

    def change(writer: RoomWriter) -> str:
        present = writer.state(event_type, state_key)
        if (
            present is not None
            and present.sender == requester.user_id
            and is_same_json(present.content, content)
        ):
            return present.event_id
        if writer.membership(requester.user_id) == "join":
            check_content(room, event_type, content)
            check_state_content(writer, event_type, state_key, content)
        event = writer.add(
            sender=requester.user_id,
            type=event_type,
            state_key=state_key,
            content=content,
            origin_server_ts=origin_server_ts,
        )
        if event_type == "m.room.guest_access":
            remove_guests(writer)
        return event.event_id

    return write_room(room, change)
