"""Proving who one is with a passkey."""

from __future__ import annotations

from typing import Any

import structlog

from matrix_app.http.rate_limit import give_back, take
from matrix_app.protocol.errors import Forbidden
from matrix_app.services import audit
from matrix_app.services import passkey_ceremonies as ceremonies
from matrix_app.services.audit import Actor
from matrix_app.services.passkey_challenges import Purpose, issue, spend
from matrix_app.services.passkeys import needed_party, usable
from matrix_app.storage import db, interning
from matrix_app.storage import passkeys as stored
from matrix_app.storage.clock import now_ms
from matrix_app.storage.passkeys import PasskeyRow

_log = structlog.get_logger("matrix_app.passkeys")


def begin_proof(purpose: Purpose, bound_to: str, ip: str, user_nid: int | None = None) -> dict[str, Any]:
    """What a browser needs to use a passkey, of a user or of whoever comes.

    Raises `Forbidden` where there is none to use, `LimitExceeded` for those who ask too often.
    """
    party = needed_party()
    take("login", _asking(ip))
    allowed = [] if user_nid is None else usable(user_nid)
    if user_nid is not None and not allowed:
        raise Forbidden("You have no passkey")
    challenge = issue(purpose, bound_to, user_nid)
    return ceremonies.assertion_options(
        party, challenge, allowed=allowed, verify_user=_verifies_user(purpose)
    )


def prove(purpose: Purpose, bound_to: str, text: str, ip: str, user_nid: int | None = None) -> PasskeyRow:
    """The passkey that an answer proves to be at hand, of a user or of anybody.

    Raises `Forbidden`, `InvalidParam`, or `LimitExceeded` for those who guess.
    """
    party = needed_party()
    take("login", f"passkey from {ip}")
    answer = ceremonies.read_answer(text)
    spend(purpose, bound_to, answer.challenge)
    passkey = _found(answer, user_nid)
    count = ceremonies.verify_assertion(party, answer, passkey, verify_user=_verifies_user(purpose))
    _count_on(passkey, count, ip)
    give_back("login", f"passkey from {ip}")
    give_back("login", _asking(ip))
    return passkey


def _asking(ip: str) -> str:
    return f"challenge of a passkey from {ip}"


def _verifies_user(purpose: Purpose) -> bool:
    """Beside the password, having it at hand is enough; in its place, it must know its user."""
    return purpose is not Purpose.SECOND_FACTOR


def _found(answer: ceremonies.Answer, user_nid: int | None) -> PasskeyRow:
    passkey = stored.find(answer.credential_id)
    if passkey is None or (user_nid is not None and passkey.user_nid != user_nid):
        raise Forbidden("This passkey is not known here")
    # "If the user was not identified before the ceremony was initiated, verify that
    # response.userHandle is present, and that the user identified by it is the owner."
    if answer.user_handle != passkey.user_handle and (user_nid is None or answer.user_handle is not None):
        raise Forbidden("This passkey is not known here")
    return passkey


def _count_on(passkey: PasskeyRow, count: int, ip: str) -> None:
    """Note the use; a counter that has not gone on tells of a copy, which is refused."""
    with db.write():
        went_on = stored.note_use(passkey.nid, count, now_ms())
        if not went_on:
            actor = Actor(passkey.user_nid, "page", ip)
            user_id = interning.user_id_of(passkey.user_nid)
            details = {"name": passkey.name, "count": count, "expected_above": passkey.sign_count}
            audit.record(actor, "passkey.refuse", user_id, **details)
    if not went_on:
        _log.warning("passkey_counter_went_back", passkey=passkey.nid, user_nid=passkey.user_nid)
        raise Forbidden("The passkey says that it was used elsewhere: it may have been copied; remove it")
