"""Setting a new password."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import ThreepidNotFound
from matrix_app.services.delete_devices import delete_all_devices
from matrix_app.storage import accounts, db, sessions, threepid_sessions, threepids, web_sessions


def change_password(
    user_nid: int,
    password_hash: str,
    *,
    sign_out: bool,
    but_device_nid: int | None = None,
    but_web_session_nid: int | None = None,
) -> None:
    """Set a password by its hash. `sign_out` ends all sessions but one: a thief may have one."""
    with db.write():
        accounts.set_password_hash(user_nid, password_hash)
        if sign_out:
            delete_all_devices(user_nid, but_nid=but_device_nid)
            sessions.end_tokens_of_user(user_nid, but_device_nid=but_device_nid)
            web_sessions.end_of_user(user_nid, but_nid=but_web_session_nid)


def reset_password(validated: dict[str, Any], password_hash: str, *, sign_out: bool) -> None:
    """Set the password of the account with a validated address, once; raises `ThreepidNotFound`."""
    user_nid = threepids.owner_of(validated["medium"], validated["address"])
    if user_nid is None:
        raise ThreepidNotFound("No account has this mail address")
    with db.write():
        threepid_sessions.delete(validated["sid"])
        change_password(user_nid, password_hash, sign_out=sign_out)
