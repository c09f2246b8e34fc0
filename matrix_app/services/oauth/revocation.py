"""Signing out by token revocation (RFC 7009)."""

from __future__ import annotations

from matrix_app.services.access_tokens import hash_token
from matrix_app.services.delete_devices import delete_devices
from matrix_app.services.oauth import sessions
from matrix_app.storage import db, devices, refresh_tokens
from matrix_app.storage import sessions as tokens


def revoke(token: str) -> None:
    """End the session of an access or refresh token, with its device; what is no token here is passed over.

    Whoever has the token may: "the server SHOULD still revoke the token", whichever client it names.
    """
    with db.write():
        device_nid = _device_of(hash_token(token))
        device = None if device_nid is None else devices.by_nid(device_nid)
        if device is not None and sessions.of_device(device.nid) is not None:
            delete_devices(device.user_nid, [device.device_id])


def _device_of(token_hash: bytes) -> int | None:
    access = tokens.find_token(token_hash)
    if access is not None:
        return access.device_nid
    refresh = refresh_tokens.find(token_hash)
    return None if refresh is None else refresh.device_nid
