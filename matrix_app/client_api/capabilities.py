"""Capabilities (data/api/client-server/capabilities.yaml)."""

from __future__ import annotations

from typing import Any, Final

from appliance.config import get_config
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.http.requester import Requester
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.services import mail
from matrix_app.services.oauth.sessions import is_oauth
from matrix_app.services.uia.abilities import is_able
from matrix_app.storage import accounts

_ON_PAGES: Final = ("m.change_password", "m.get_login_token", "m.3pid_changes")


@endpoint("GET", "/_matrix/client/v3/capabilities", guests=True)
def capabilities(request: Request) -> dict[str, Any]:
    """What the server and the user can do (GET /capabilities)."""
    return {"capabilities": {**_of_server(), **_of_user(request.requester)}}


def _of_server() -> dict[str, Any]:
    return {
        "m.room_versions": {
            "default": get_config().server.default_room_version,
            "available": dict.fromkeys(ROOM_VERSIONS, "stable"),
        },
        "m.forget_forced_upon_leave": {"enabled": False},
    }


def _of_user(requester: Requester) -> dict[str, Any]:
    account = accounts.get(requester.user_nid)
    has_password = account is not None and account.password_hash is not None
    found: dict[str, Any] = {
        "m.change_password": {"enabled": has_password and get_config().registration.allow_password_change},
        "m.get_login_token": {"enabled": is_able(requester.user_nid) and not requester.is_guest},
        "m.3pid_changes": {"enabled": mail.is_configured() and not requester.is_guest},
        **_of_profile(requester),
    }
    if is_oauth(requester):
        # What needs the user to authenticate anew is done on the pages of the account.
        found |= {name: {"enabled": False} for name in _ON_PAGES}
    if requester.is_admin:
        found["m.account_moderation"] = {"suspend": True, "lock": True}
    return found


def _of_profile(requester: Requester) -> dict[str, Any]:
    allowed = get_config().registration.allow_profile_change or requester.is_admin
    fields: dict[str, Any] = {"enabled": allowed}
    if requester.is_guest and allowed:
        # "Guest users may only modify their display name."
        fields["allowed"] = ["displayname"]
    return {
        "m.set_displayname": {"enabled": allowed},
        "m.set_avatar_url": {"enabled": allowed and not requester.is_guest},
        "m.profile_fields": fields,
    }
