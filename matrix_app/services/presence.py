"""Presence: whether users are online, as they say and as they act ("Presence").

Nothing here does anything while presence is switched off in the configuration.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.services.own_user import require_self
from matrix_app.storage import db, interning, members, presence
from matrix_app.storage.clock import now_ms
from matrix_app.storage.presence import PresenceRow

STATES: Final = ("online", "offline", "unavailable")
# Activity within this time needs no further update, and lets a user be "currently active".
RECENT_MS: Final = 60_000
# Seconds between two notes of the same user's activity.
NOTE_EVERY: Final = 30.0
MAX_STATUS: Final = 2_000
MOST_NOTED: Final = 50_000

# user nid -> when this process last noted that the user was active.
_noted: dict[int, float] = {}
_lock = threading.Lock()


def enabled() -> bool:
    """Whether this server has presence at all."""
    return get_config().presence.enabled


def set_status(requester: Requester, user_id: str, state: str, status_msg: str | None) -> None:
    """Store what a user says of themselves; raises `Forbidden` for another user."""
    require_self(requester, user_id)
    if state not in STATES:
        raise InvalidParam("The presence must be online, offline or unavailable")
    if status_msg is not None and (len(status_msg) > MAX_STATUS or "\0" in status_msg):
        raise InvalidParam("The status message is too long, or contains a NUL byte")
    if enabled():
        with db.write():
            become(requester.user_nid, state, status_msg=status_msg)


def status_of(requester: Requester, user_id: str) -> dict[str, Any]:
    """The presence of a user who shares a room with the requester; raises `Forbidden` otherwise."""
    nid = interning.find_user(user_id)
    if nid is None or not (nid == requester.user_nid or members.shares_room(requester.user_nid, nid)):
        raise Forbidden("You are not allowed to see their presence")
    row = presence.get(nid) if enabled() else None
    return presence.content_of(row, now_ms()) if row is not None else {"presence": "offline"}


def become(user_nid: int, state: str, **more: Any) -> None:
    """Give a user a state, by their own doing, and tell; inside a write transaction."""
    now = now_ms()
    row = presence.get(user_nid, lock=True) or PresenceRow(user_nid, state, None, now, False, None, 0)
    is_active = state == "online"
    last_active_ts = now if is_active else row.last_active_ts
    row = row._replace(presence=state, last_active_ts=last_active_ts, currently_active=is_active)
    presence.put_all([row._replace(**more)])
    _forget(user_nid)


def receive_presence(rows: Sequence[PresenceRow]) -> None:
    """What another server tells of its users."""
    if rows and enabled():
        with db.write():
            presence.put_all(rows)


def active(user_nid: int) -> None:
    """Note that a user did something: who was idle is online again."""
    if not enabled() or not _is_news(user_nid):
        return
    with db.write():
        row = presence.get(user_nid, lock=True)
        if row is None or row.presence == "offline":
            return
        if row.presence == "online" and row.currently_active:
            presence.set_last_active(user_nid, now_ms())
        else:
            row = row._replace(presence="online", last_active_ts=now_ms(), currently_active=True)
            presence.put_all([row])


def profile_changed(user_nid: int) -> None:
    """Tell those who see a user's presence that name or avatar changed; inside a write transaction."""
    row = presence.get(user_nid, lock=True) if enabled() else None
    if row is not None:
        presence.put_all([row])


def _is_news(user_nid: int) -> bool:
    now = time.monotonic()
    with _lock:
        if now - _noted.get(user_nid, -NOTE_EVERY) < NOTE_EVERY:
            return False
        if len(_noted) > MOST_NOTED:
            _noted.clear()
        _noted[user_nid] = now
        return True


def _forget(user_nid: int) -> None:
    with _lock:
        _noted.pop(user_nid, None)
