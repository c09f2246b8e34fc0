"""Challenges of passkeys: each is for one purpose and one browser session, for five minutes, and once."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Final

from matrix_app.protocol.errors import Forbidden
from matrix_app.services.access_tokens import hash_token
from matrix_app.storage import db, one_time_tokens
from matrix_app.storage.clock import now_ms
from matrix_app.storage.web_sessions import WebSessionRow

LIFETIME_MS: Final = 5 * 60_000
# The owner of a challenge for somebody who has not said who they are.
_NOBODY: Final = 0


class Purpose(StrEnum):
    """What is proved by the answer to a challenge; it serves nothing else."""

    REGISTER = "passkey register"
    SIGN_IN = "passkey sign-in"
    SECOND_FACTOR = "passkey second factor"
    CONFIRM = "passkey confirm"


def of_session(session: WebSessionRow) -> str:
    """What binds a challenge to a session of the pages."""
    return f"session {session.nid}"


def of_visitor(token: str) -> str:
    """What binds a challenge to the browser of somebody who is not signed in, and has a token for this."""
    return f"visitor {token}"


def issue(purpose: Purpose, bound_to: str, user_nid: int | None) -> bytes:
    """A new challenge."""
    challenge, now = secrets.token_bytes(32), now_ms()
    owner = _NOBODY if user_nid is None else user_nid
    with db.write():
        one_time_tokens.put(_hash(challenge, bound_to), purpose, owner, now + LIFETIME_MS, now)
    return challenge


def spend(purpose: Purpose, bound_to: str, challenge: bytes) -> None:
    """End a challenge that was answered; raises `Forbidden` for one that is over, or not for this browser."""
    with db.write():
        owner = one_time_tokens.take(_hash(challenge, bound_to), purpose, now_ms())
    if owner is None:
        raise Forbidden("That took too long: try again")


def _hash(challenge: bytes, bound_to: str) -> bytes:
    return hash_token(f"{challenge.hex()} {bound_to}")
