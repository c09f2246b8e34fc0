"""Which room is whose room of server notices ("Server Notices")."""

from __future__ import annotations

from typing import Final

import orjson

from matrix_app.protocol.errors import Forbidden
from matrix_app.storage import account_data, accounts

# In `account.appservice_id` of the server's own user: nobody can sign in, and no registration file has such
# a name.
MARK: Final = "hearth:system"
# In the account data of the server's own user; after it comes what the room is for.
ROOM: Final = "org.hearth.system_room."
TAG: Final = "m.server_notice"


def key_of(user_nid: int) -> str:
    """What the room of a user's notices is kept under."""
    return f"notices.{user_nid}"


def refuse_to_decline(user_nid: int, room_id: str, inviter: str) -> None:
    """Raise `Forbidden` where an invite is the one to the user's room of server notices."""
    account = accounts.find(inviter)
    if account is None or account.appservice_id != MARK:
        return
    kept = account_data.get(account.user_nid, account_data.GLOBAL, ROOM + key_of(user_nid))
    if kept is not None and orjson.loads(kept).get("room_id") == room_id:
        raise Forbidden(
            "Notices of the server cannot be turned down", errcode="M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"
        )
