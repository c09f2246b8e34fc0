"""Tokens that let somebody register.

A token counts uses that are under way (`pending`, by a session of authentication) and those that made
an account (`completed`); both count against its limit.
"""

from __future__ import annotations

from matrix_app.storage import db

_USABLE = (
    "token = %s AND (uses_allowed IS NULL OR pending + completed < uses_allowed)"
    " AND (expires_ts IS NULL OR expires_ts > %s)"
)


def is_usable(token: str, now: int) -> bool:
    """Whether somebody may begin to register with a token."""
    return db.value(f"SELECT 1 FROM registration_token WHERE {_USABLE}", (token, now)) is not None


def begin_use(token: str, now: int) -> bool:
    """Count a use that is under way; False when the token allows none."""
    return (
        db.changed(f"UPDATE registration_token SET pending = pending + 1 WHERE {_USABLE}", (token, now)) == 1
    )


def complete_use(token: str) -> None:
    """Count a use that made an account."""
    sql = "UPDATE registration_token SET pending = pending - 1, completed = completed + 1 WHERE token = %s"
    db.execute(sql, (token,))


def give_up_use(token: str) -> None:
    """Count out a use that led to nothing."""
    db.execute(
        "UPDATE registration_token SET pending = pending - 1 WHERE token = %s AND pending > 0", (token,)
    )
