"""Redacting events ("Redactions" of the client-server API)."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import BadRequest, Forbidden, MissingParam, NotFound
from matrix_app.protocol.event_auth import PowerLevels
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of, parse_event_id
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.client_transaction import Transaction, add_once
from matrix_app.services.known_rooms import require_room
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.storage import events
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity

REDACTION: Final = "m.room.redaction"
# Without these a room cannot be told any more, or is open to those it keeps out.
_NEVER_REDACTED: Final = frozenset({"m.room.create", "m.room.server_acl"})


def redact(
    requester: Requester,
    room_id: str,
    event_id: str,
    *,
    reason: str | None = None,
    txn_id: str | None = None,
    origin_server_ts: int | None = None,
) -> str:
    """Redact an event; the ID of the redaction."""
    room = require_room(room_id)
    transaction = (
        None if txn_id is None else Transaction.of(requester, f"redact/{room.nid}/{event_id}", txn_id)
    )
    content = {"redacts": event_id} | ({} if reason is None else {"reason": reason})
    return send_redaction(requester, room, content, transaction, origin_server_ts)


def send_redaction(
    requester: Requester,
    room: RoomIdentity,
    content: dict[str, Any],
    transaction: Transaction | None,
    origin_server_ts: int | None,
) -> str:
    """Send a redaction whose content says what it `redacts`, in rooms of every version."""
    target_id = content.get("redacts")
    if not isinstance(target_id, str):
        raise MissingParam("A redaction needs redacts, the ID of an event")
    parse_event_id(target_id)
    rest = {key: value for key, value in content.items() if key != "redacts"}

    def change(writer: RoomWriter) -> str:
        _check(writer, requester, target_id)
        return add_once(
            writer,
            transaction,
            sender=requester.user_id,
            type=REDACTION,
            content=rest,
            redacts=target_id,
            origin_server_ts=origin_server_ts,
        )

    return write_room(room, change)


def _check(room: RoomWriter, requester: Requester, target_id: str) -> None:
    """Refuse redactions that would have no effect. Suspended users may redact their own events."""
    target = _find(room.room, target_id)
    own = target is not None and target.sender == requester.user_id
    if not own:
        refuse_suspended(requester)
    if target is not None and target.type in _NEVER_REDACTED:
        raise Forbidden(f"{target.type} cannot be redacted")
    levels = PowerLevels.from_state(room.auth_state(), room.room.rules)
    if own or levels.user_level(requester.user_id) >= levels.redact:
        return
    if target is None:
        raise NotFound("The event is not known")
    # "Server administrators may redact events sent by users on their server."
    if requester.is_admin and domain_of(target.sender) == local_server_name():
        return
    raise Forbidden("You may not redact this event")


def _find(room: RoomIdentity, event_id: str) -> Event | None:
    row = events.row_by_id(event_id)
    if row is None:
        return None
    if row.room_nid != room.nid:
        raise BadRequest("The event is in another room", errcode="M_INVALID_PARAM")
    return events.parse(row)
