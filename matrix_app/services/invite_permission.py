"""Whether a user takes invites ("Invite permission" of the client-server API)."""

from __future__ import annotations

import orjson

from matrix_app.protocol.errors import InviteBlocked
from matrix_app.storage import account_data, interning

_TYPE = "m.invite_permission_config"


def takes_invites(user_id: str) -> bool:
    """Whether a local user lets others invite them."""
    nid = interning.find_user(user_id)
    return nid is None or not blocks_invites(nid)


def blocks_invites(user_nid: int) -> bool:
    """Whether a user is neither to be invited, nor shown the invites that are there already."""
    stored = account_data.get(user_nid, account_data.GLOBAL, _TYPE)
    content = {} if stored is None else orjson.loads(stored)
    return isinstance(content, dict) and content.get("default_action") == "block"


def refuse_blocked(user_id: str) -> None:
    """Raise `InviteBlocked` for a local user who takes no invites."""
    if not takes_invites(user_id):
        raise InviteBlocked(f"{user_id} takes no invites")
