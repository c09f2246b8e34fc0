"""Authenticator apps (TOTP, RFC 6238) and recovery codes, for those who sign in to the pages.

Passkeys are a second factor too: see `passkeys.py`. Recovery codes are there as long as one of both is.
"""

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
from matrix_app.storage import accounts, db, interning, passkeys, second_factors
from matrix_app.storage.clock import now_ms

STEP_SECONDS: Final = 30
RECOVERY_CODES: Final = 10
# Without the characters that are taken for one another.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def has_second_factor(user_nid: int) -> bool:
    """Whether a user must prove more than their password: a confirmed app, or a passkey."""
    return has_app(user_nid) or passkeys.has_any(user_nid)


def has_app(user_nid: int) -> bool:
    """Whether a user has a confirmed authenticator app."""
    app = second_factors.totp(user_nid)
    return app is not None and app.confirmed_ts is not None


def lacks_needed(user_nid: int) -> bool:
    """Whether a user must have a second factor on this server, and has none."""
    if not get_config().pages.administrators_need_second_factor:
        return False
    account = accounts.get(user_nid)
    return account is not None and account.is_admin and not has_second_factor(user_nid)


def after_removal(user_nid: int) -> None:
    """In the transaction that removes a second factor: codes go with the last one.

    Raises `Forbidden` where the user must have one.
    """
    if lacks_needed(user_nid):
        raise Forbidden("Administrators of this server need a second factor: add another one first")
    if not has_second_factor(user_nid):
        second_factors.delete_recovery_codes(user_nid)


def begin_totp(user_nid: int) -> str:
    """A new secret for an authenticator app, in base 32; it counts once a code has confirmed it."""
    if has_app(user_nid):
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
    """Confirm a new app with its first code; recovery codes, shown once, where the user had none, or [].

    Raises `Forbidden` for a wrong code, `NotFound` where no app is waiting.
    """
    if second_factors.totp(user_nid) is None:
        raise NotFound("There is no authenticator app to confirm")
    with db.write():
        if not check_totp(user_nid, code):
            raise Forbidden("The code is not right; is the clock of your phone?")
        audit.record(actor, "second_factor.add", interning.user_id_of(user_nid))
        return first_recovery_codes(user_nid)


def first_recovery_codes(user_nid: int) -> list[str]:
    """Recovery codes for somebody who has none, which are shown once; [] for those who have some."""
    return [] if second_factors.count_recovery_codes(user_nid) else _make_recovery_codes(user_nid)


def new_recovery_codes(user_nid: int, actor: Actor) -> list[str]:
    """Make recovery codes in place of those before; they are shown once. Raises `NotFound`."""
    if not has_second_factor(user_nid):
        raise NotFound("Recovery codes are for those who have a second factor")
    with db.write():
        audit.record(actor, "second_factor.new_codes", interning.user_id_of(user_nid))
        return _make_recovery_codes(user_nid)


def _make_recovery_codes(user_nid: int) -> list[str]:
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    with db.write():
        second_factors.put_recovery_codes(user_nid, [_hash(code) for code in codes])
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def remove_totp(user_nid: int, actor: Actor) -> None:
    """Remove the app of a user; raises `Forbidden` where it is the last of somebody who must have one."""
    with db.write():
        second_factors.delete_totp(user_nid)
        after_removal(user_nid)
        audit.record(actor, "second_factor.remove", interning.user_id_of(user_nid))


def remove_all(user_nid: int) -> None:
    """Remove everything but the password that a user may have to prove."""
    with db.write():
        second_factors.delete_totp(user_nid)
        second_factors.delete_recovery_codes(user_nid)
        passkeys.delete_of_user(user_nid)


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
    right = (has_app(user_nid) and check_totp(user_nid, code)) or _use_recovery_code(user_nid, code)
    if right:
        give_back("login", bucket)
    return right


def _use_recovery_code(user_nid: int, code: str) -> bool:
    with db.write():
        return second_factors.use_recovery_code(user_nid, _hash(code))


def _hash(code: str) -> bytes:
    letters = "".join(char for char in code.lower() if char in _ALPHABET)
    return hashlib.sha256(letters.encode()).digest()
