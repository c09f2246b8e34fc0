"""Tokens that let somebody register.

A token counts uses that are under way (`pending`, by a session of authentication) and those that made
an account (`completed`); both count against its limit.
"""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db

_LEFT = (
    "(uses_allowed IS NULL OR pending + completed < uses_allowed) AND (expires_ts IS NULL OR expires_ts > %s)"
)
_USABLE = f"token = %s AND {_LEFT}"


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


class RegistrationTokenRow(NamedTuple):
    """A token; `uses_allowed` and `expires_ts` are None where there is no limit."""

    token: str
    uses_allowed: int | None
    pending: int
    completed: int
    expires_ts: int | None
    created_ts: int

    def is_used_up(self) -> bool:
        """Whether as many as may have used it."""
        return self.uses_allowed is not None and self.pending + self.completed >= self.uses_allowed


_SELECT = f"SELECT {', '.join(RegistrationTokenRow._fields)} FROM registration_token"
_CONDITIONS = {
    "usable": f"({_LEFT})",
    "ended": f"NOT ({_LEFT})",
    "all": "(%s >= 0)",
}


def put(token: str, uses_allowed: int | None, expires_ts: int | None, now: int) -> bool:
    """Store a new token; False when it is there already."""
    sql = (
        "INSERT INTO registration_token (token, uses_allowed, pending, completed, expires_ts, created_ts)"
        " VALUES (%s, %s, 0, 0, %s, %s) ON CONFLICT DO NOTHING"
    )
    return db.changed(sql, (token, uses_allowed, expires_ts, now)) == 1


def find(token: str) -> RegistrationTokenRow | None:
    """A token, or None."""
    found = db.row(f"{_SELECT} WHERE token = %s", (token,))
    return RegistrationTokenRow(*found) if found else None


def page(kind: str, now: int, *, after: tuple[int, str] | None, limit: int) -> list[RegistrationTokenRow]:
    """Tokens that are usable, ended, or all, the newest first, after one by (created_ts, token)."""
    created, token = after or (1 << 62, "")
    sql = (
        f"{_SELECT} WHERE {_CONDITIONS[kind]} AND (created_ts < %s OR (created_ts = %s AND token > %s))"
        " ORDER BY created_ts DESC, token LIMIT %s"
    )
    return [RegistrationTokenRow(*row) for row in db.rows(sql, (now, created, created, token, limit))]


def update(token: str, uses_allowed: int | None, expires_ts: int | None) -> bool:
    """Change the limits of a token; False when there is none."""
    sql = "UPDATE registration_token SET uses_allowed = %s, expires_ts = %s WHERE token = %s"
    return db.changed(sql, (uses_allowed, expires_ts, token)) == 1


def delete(token: str) -> bool:
    """Remove a token; False when there is none."""
    return db.changed("DELETE FROM registration_token WHERE token = %s", (token,)) == 1
