"""`m.presence`: whether users are online."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.federation.edus.reading import own_user, text
from matrix_app.federation.inbound.refusals import refused
from matrix_app.protocol.errors import BadJson, MatrixError
from matrix_app.services.presence import MAX_STATUS, STATES, receive_presence
from matrix_app.storage import interning
from matrix_app.storage.clock import now_ms
from matrix_app.storage.presence import PresenceRow

MOST: Final = 1000


def receive(origin: str, content: dict[str, Any]) -> None:
    """The presence of users of the other server who have been met here."""
    push = content.get("push")
    if not isinstance(push, list):
        raise BadJson("push is not a list")
    rows: dict[int, PresenceRow] = {}
    for update in push[:MOST]:
        try:
            row = _row(origin, update)
        except MatrixError as error:
            refused("presence", origin=origin, error=error.message)
            continue
        if row is not None:
            rows[row.user_nid] = row
    receive_presence(list(rows.values()))


def _row(origin: str, update: Any) -> PresenceRow | None:
    if not isinstance(update, dict):
        raise BadJson("A presence update is an object")
    nid = interning.find_user(own_user(origin, text(update, "user_id")))
    state = text(update, "presence")
    if state not in STATES:
        raise BadJson("The presence must be online, offline or unavailable")
    if nid is None:
        return None
    ago, status = update.get("last_active_ago"), update.get("status_msg")
    return PresenceRow(
        user_nid=nid,
        presence=state,
        status_msg=status[:MAX_STATUS] if isinstance(status, str) and "\0" not in status else None,
        last_active_ts=max(0, now_ms() - ago) if isinstance(ago, int) and ago >= 0 else 0,
        currently_active=update.get("currently_active") is True,
        last_sync_ts=None,
        position=0,
    )
