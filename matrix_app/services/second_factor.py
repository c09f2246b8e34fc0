"""Authenticator apps (TOTP, RFC 6238) and recovery codes, for those who sign in to the pages."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Final

import pyotp

from appliance.config import get_config
from appliance.sealing import seal, unseal
from matrix_app.http.rate_limit import give_back, take
from matrix_app.protocol.errors import Forbidden, NotFound
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.storage import db, second_factors
from matrix_app.storage.clock import now_ms

STEP_SECONDS: Final = 30
RECOVERY_CODES: Final = 10
# Without the characters that are taken for one another.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def has_second_factor(user_nid: int) -> bool:
    """Whether a user must prove more than their password: a confirmed app, or a passkey."""
    app = second_factors.totp(user_nid)
    return (app is not None and app.confirmed_ts is not None) or bool(second_factors.passkeys(user_nid))


def begin_totp(user_nid: int) -> str:
    """A new secret for an authenticator app, in base 32; it counts once a code has confirmed it."""
    app = second_factors.totp(user_nid)
    if app is not None and app.confirmed_ts is not None:
        raise Forbidden("There is an authenticator app already; remove it first")
    secret = pyotp.random_base32()
    with db.write():
        second_factors.put_totp(user_nid, seal(secret.encode()))
    return secret


def waiting_secret(user_nid: int) -> str:
    """The secret of an app that has still to be confirmed; raises `NotFound`."""
    app = second_factors.totp(user_nid)
    if app is None or app.confirmed_ts is not None:
        raise NotFound("There is no authenticator app to confirm")
    return unseal(app.sealed_secret).decode()


def totp_uri(user_id: str, secret: str) -> str:
    """The `otpauth:` URI of a secret, which apps read as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=user_id, issuer_name=f"Hearth {get_config().server.name}")


def confirm_totp(user_nid: int, code: str, actor: Actor) -> list[str]:
    """Confirm a new app with its first code; the recovery codes, which are shown once.

    Raises `Forbidden` for a wrong code, `NotFound` where no app is waiting.
    """
    if second_factors.totp(user_nid) is None:
        raise NotFound("There is no authenticator app to confirm")
    with db.write():
        if not check_totp(user_nid, code):
            raise Forbidden("The code is not right; is the clock of your phone?")
        audit.record(actor, "second_factor.add")
        return new_recovery_codes(user_nid)


def new_recovery_codes(user_nid: int) -> list[str]:
    """Make recovery codes in place of those before; they are shown once."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    with db.write():
        second_factors.put_recovery_codes(user_nid, [_hash(code) for code in codes])
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def remove_totp(user_nid: int, actor: Actor) -> None:
    """Remove the app of a user, and the recovery codes."""
    with db.write():
        second_factors.delete_totp(user_nid)
        audit.record(actor, "second_factor.remove")


def check_totp(user_nid: int, code: str) -> bool:
    """Whether a code is that of now, or of half a minute before or after; each is taken once."""
    app = second_factors.totp(user_nid)
    digits = "".join(char for char in code if char.isdigit())
    if app is None or len(digits) != 6:
        return False
    totp = pyotp.TOTP(unseal(app.sealed_secret).decode())
    present = int(time.time()) // STEP_SECONDS
    for step in (present, present - 1, present + 1):
        if secrets.compare_digest(totp.at(step * STEP_SECONDS), digits):
            with db.write():
                return second_factors.accept_step(user_nid, step, now_ms())
    return False


def check_code(user_nid: int, code: str) -> bool:
    """Whether a code of the app or a recovery code is right; raises `LimitExceeded` for those who guess."""
    bucket = f"second factor of {user_nid}"
    take("login", bucket)
    right = check_totp(user_nid, code) or _use_recovery_code(user_nid, code)
    if right:
        give_back("login", bucket)
    return right


def _use_recovery_code(user_nid: int, code: str) -> bool:
    with db.write():
        return second_factors.use_recovery_code(user_nid, _hash(code))


def _hash(code: str) -> bytes:
    letters = "".join(char for char in code.lower() if char in _ALPHABET)
    return hashlib.sha256(letters.encode()).digest()
