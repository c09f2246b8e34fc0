"""Making an account."""

from __future__ import annotations

import secrets

from matrix_app.protocol.errors import UserInUse
from matrix_app.protocol.ids import localpart_of, new_user_id, parse_server_name, parse_user_id
from matrix_app.services import user_directory
from matrix_app.storage import accounts, db, interning
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name


def local_user_id(localpart: str, *, historical: bool = False) -> str:
    """The ID that a new user with this name gets, in small letters; raises `InvalidUsername`.

    `historical` allows the characters that user IDs had in the past, and capitals.
    """
    if historical:
        return parse_user_id(f"@{localpart}:{local_server_name()}")
    return new_user_id(localpart.lower(), parse_server_name(local_server_name()))


def create_account(
    localpart: str,
    *,
    password_hash: str | None = None,
    is_admin: bool = False,
    is_guest: bool = False,
    appservice_id: str | None = None,
    terms_version: str = "",
    display_name: str | None = None,
    historical: bool = False,
) -> Account:
    """Make an account; raises `InvalidUsername` or `UserInUse`.

    Whether somebody may make one is the caller's to decide. The display name is the localpart unless
    one is given; guests have none.
    """
    user_id = local_user_id(localpart, historical=historical)
    with db.write():
        nid = interning.user_nid(user_id)
        made = accounts.insert(
            nid,
            now_ms(),
            password_hash=password_hash,
            is_admin=is_admin,
            is_guest=is_guest,
            appservice_id=appservice_id,
            terms_version=terms_version,
        )
        if not made:
            raise UserInUse("The user name is taken")
        if not is_guest:
            accounts.put_display_name(nid, display_name or localpart_of(user_id))
            user_directory.refresh(nid)
        account = accounts.get(nid)
    assert account is not None
    return account


def free_localpart() -> str:
    """A name for somebody who has chosen none: random, so that it tells nothing and is not taken."""
    return f"u{secrets.token_hex(8)}"
