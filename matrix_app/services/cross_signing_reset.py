"""Letting a user replace their cross-signing keys without the password, once and for some minutes.

On their own page a user has given it already; an administrator lets somebody who has none.
"""

from __future__ import annotations

from typing import Final

from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.storage import cross_signing, db
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms

ALLOWED_MS: Final = 10 * 60_000


def allow_reset(actor: Actor, account: Account) -> int:
    """Let a user replace their keys; until when."""
    until = now_ms() + ALLOWED_MS
    with db.write():
        cross_signing.allow_reset(account.user_nid, until)
        audit.record(actor, "user.allow_cross_signing_reset", account.user_id)
    return until


def may_reset(user_nid: int) -> bool:
    """Whether a user may replace their keys now."""
    until = cross_signing.reset_until(user_nid)
    return until is not None and until > now_ms()
