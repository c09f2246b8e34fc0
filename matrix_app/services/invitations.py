"""Invitations to this server: registration tokens, and accounts that are made with them on a page."""

from __future__ import annotations

import re
import secrets
from typing import Final

from appliance.config import get_config
from matrix_app.protocol.errors import Conflict, Forbidden, InvalidParam, NotFound
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.create_account import create_account
from matrix_app.services.passwords import check_policy, hash_password
from matrix_app.services.register import check_username
from matrix_app.storage import db, registration_tokens
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.registration_tokens import RegistrationTokenRow

# "The registration token MUST be ... of the characters [A-Za-z0-9._~-], at most 64."
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")
MOST_USES: Final = 1_000_000


def create_token(
    actor: Actor, *, token: str = "", uses_allowed: int | None, expires_ts: int | None
) -> RegistrationTokenRow:
    """Make a token, a random one where none is given. Raises `InvalidParam` or `Conflict`."""
    token = token or secrets.token_urlsafe(12)
    if not _TOKEN.fullmatch(token):
        raise InvalidParam("A token has at most 64 letters, digits and . _ ~ -")
    _check_limits(uses_allowed, expires_ts)
    with db.write():
        if not registration_tokens.put(token, uses_allowed, expires_ts, now_ms()):
            raise Conflict("There is such a token already")
        audit.record(actor, "token.create", token, uses_allowed=uses_allowed, expires_ts=expires_ts)
        return _found(token)


def change_token(
    actor: Actor, token: str, *, uses_allowed: int | None, expires_ts: int | None
) -> RegistrationTokenRow:
    """Change the limits of a token. Raises `InvalidParam` or `NotFound`."""
    _check_limits(uses_allowed, expires_ts)
    with db.write():
        if not registration_tokens.update(token, uses_allowed, expires_ts):
            raise NotFound("There is no such token")
        audit.record(actor, "token.change", token, uses_allowed=uses_allowed, expires_ts=expires_ts)
        return _found(token)


def delete_token(actor: Actor, token: str) -> None:
    """Take a token back; who has begun to register with it does not come to an end. Raises `NotFound`."""
    with db.write():
        if not registration_tokens.delete(token):
            raise NotFound("There is no such token")
        audit.record(actor, "token.delete", token)


def _check_limits(uses_allowed: int | None, expires_ts: int | None) -> None:
    if uses_allowed is not None and not 0 <= uses_allowed <= MOST_USES:
        raise InvalidParam(said("A token may be used up to {count} times", count=MOST_USES))
    if expires_ts is not None and expires_ts < now_ms():
        raise InvalidParam("A token expires in the future")


def _found(token: str) -> RegistrationTokenRow:
    row = registration_tokens.find(token)
    if row is None:
        raise NotFound("There is no such token")
    return row


def is_usable(token: str) -> bool:
    """Whether somebody may make an account with a token now."""
    return registration_tokens.is_usable(token, now_ms())


def accept(token: str, localpart: str, password: str, actor: Actor) -> Account:
    """Make the account of somebody who was invited, and has agreed to the terms; the token is used once.

    Raises `Forbidden` for a token that cannot be used, `WeakPassword`, `InvalidUsername`, `UserInUse` or
    `Exclusive`.
    """
    if not is_usable(token):
        raise Forbidden("This invitation has been used or has expired")
    check_policy(password)
    check_username(localpart)
    password_hash = hash_password(password)
    with db.write():
        if not registration_tokens.begin_use(token, now_ms()):
            raise Forbidden("This invitation has been used or has expired")
        account = create_account(
            localpart, password_hash=password_hash, terms_version=get_config().registration.terms.version
        )
        registration_tokens.complete_use(token)
        audit.record(actor, "user.join", account.user_id, token=token)
    return account
