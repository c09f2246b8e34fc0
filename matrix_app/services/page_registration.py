"""Making one's own account on a page, by the server's rules for registration."""

from __future__ import annotations

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden
from matrix_app.services import audit, invitations
from matrix_app.services.audit import Actor
from matrix_app.services.create_account import create_account
from matrix_app.services.oauth.server_metadata import registers_on_page
from matrix_app.services.passwords import check_policy, hash_password
from matrix_app.services.register import check_open, check_username
from matrix_app.storage import db
from matrix_app.storage.accounts import Account


def register(localpart: str, password: str, token: str, actor: Actor) -> Account:
    """Make the account of somebody who has agreed to the terms; where the server wants one, with a token.

    Raises `Forbidden` where nobody may, or not here, `WeakPassword`, `InvalidUsername`, `UserInUse` or
    `Exclusive`.
    """
    check_open()
    if not registers_on_page():
        raise Forbidden("This server asks for more than this page can: register in an app")
    if get_config().registration.mode == "token":
        return invitations.accept(token, localpart, password, actor)
    check_policy(password)
    check_username(localpart)
    password_hash, terms = hash_password(password), get_config().registration.terms.version
    with db.write():
        account = create_account(localpart, password_hash=password_hash, terms_version=terms)
        audit.record(actor, "user.register", account.user_id)
    return account
