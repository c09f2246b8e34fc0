"""Guests: accounts without a name or a password ("Guest access")."""

from __future__ import annotations

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.protocol.ids import localpart_of
from matrix_app.services.access_tokens import hash_token
from matrix_app.services.create_account import create_account, free_localpart
from matrix_app.services.create_session import Session, create_session
from matrix_app.storage import db, sessions


def register_guest(display_name: str | None) -> Session:
    """Make a guest and sign it in; raises `Forbidden` where guests are not allowed."""
    if not get_config().registration.guests:
        raise Forbidden("This server has no guests", errcode="M_GUEST_ACCESS_FORBIDDEN")
    with db.write():
        account = create_account(free_localpart(), is_guest=True)
        return create_session(account.user_id, account.user_nid, display_name=display_name)


def guest_of_token(token: str, username: str | None) -> int:
    """The nid of the guest who upgrades; raises `Forbidden`, or `InvalidParam` for another name."""
    owner = sessions.find_token(hash_token(token))
    if owner is None or not owner.is_guest or owner.deactivated_ts is not None:
        raise Forbidden("Not a guest's access token")
    # Guests are required to specify the username parameter to the local part of their user ID.
    if username is None or username.lower() != localpart_of(owner.user_id):
        raise InvalidParam("username must be the localpart of the guest")
    return owner.user_nid
