"""Ending sessions ("Session management" of the client-server API)."""

from __future__ import annotations

from matrix_app.http.requester import Requester
from matrix_app.services.delete_devices import delete_all_devices, delete_devices
from matrix_app.storage import db, sessions


def log_out(requester: Requester) -> None:
    """End the token of a request; the device that it belongs to goes with it."""
    if requester.device_id is not None:
        delete_devices(requester.user_nid, [requester.device_id])
    elif requester.token_nid is not None:
        with db.write():
            sessions.end_token(requester.token_nid)


def log_out_everywhere(user_nid: int) -> None:
    """End every token of a user; all devices go."""
    with db.write():
        delete_all_devices(user_nid)
        sessions.end_tokens_of_user(user_nid)
