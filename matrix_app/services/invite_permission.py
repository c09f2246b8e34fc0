"""Whether a user takes invites ("Invite permission" of the client-server API)."""

from __future__ import annotations

import orjson

from matrix_app.protocol.errors import InviteBlocked
from matrix_app.storage import account_data, interning

_TYPE = "m.invite_permission_config"


def takes_invites(user_id: str) -> bool:
    """Whether a local user lets others invite them."""
    nid = interning.find_user(user_id)
    stored = None if nid is None else account_data.get(nid, account_data.GLOBAL, _TYPE)
    content = {} if stored is None else orjson.loads(stored)
    return not (isinstance(content, dict) and content.get("default_action") == "block")


def refuse_blocked(user_id: str) -> None:
    """Raise `InviteBlocked` for a local user who takes no invites."""
    if not takes_invites(user_id):
        raise InviteBlocked(f"{user_id} takes no invites")
