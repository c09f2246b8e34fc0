"""Passkeys of users: WebAuthn credentials."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class PasskeyRow(NamedTuple):
    """A passkey of a user."""

    nid: int
    user_nid: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    created_ts: int
    last_used_ts: int | None
    user_handle: bytes
    rp_id: str


_SELECT = f"SELECT {', '.join(PasskeyRow._fields)} FROM passkey"


def of_user(user_nid: int) -> list[PasskeyRow]:
    """The passkeys of a user, the oldest first."""
    return [_passkey(row) for row in db.rows(f"{_SELECT} WHERE user_nid = %s ORDER BY nid", (user_nid,))]


def find(credential_id: bytes) -> PasskeyRow | None:
    """A passkey by its credential ID, or None."""
    found = db.row(f"{_SELECT} WHERE credential_id = %s", (credential_id,))
    return _passkey(found) if found else None


def get(nid: int, user_nid: int) -> PasskeyRow | None:
    """A passkey of a user, or None."""
    found = db.row(f"{_SELECT} WHERE nid = %s AND user_nid = %s", (nid, user_nid))
    return _passkey(found) if found else None


def _passkey(row: db.Row) -> PasskeyRow:
    found = PasskeyRow(*row)
    return found._replace(
        credential_id=bytes(found.credential_id),
        public_key=bytes(found.public_key),
        user_handle=bytes(found.user_handle),
    )


def has_any(user_nid: int) -> bool:
    """Whether a user has a passkey."""
    return db.row("SELECT 1 FROM passkey WHERE user_nid = %s LIMIT 1", (user_nid,)) is not None


def put(
    user_nid: int,
    credential_id: bytes,
    public_key: bytes,
    *,
    sign_count: int,
    name: str,
    user_handle: bytes,
    rp_id: str,
    now: int,
) -> bool:
    """Store a passkey; False when somebody has it already."""
    sql = (
        "INSERT INTO passkey (user_nid, credential_id, public_key, sign_count, name, created_ts, user_handle,"
        " rp_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
    )
    values = (user_nid, credential_id, public_key, sign_count, name, now, user_handle, rp_id)
    return db.changed(sql, values) == 1


def note_use(nid: int, sign_count: int, now: int) -> bool:
    """Note the use of a passkey. False when its counter has not gone on since it was read.

    Authenticators that do not count say 0 each time.
    """
    sql = (
        "UPDATE passkey SET sign_count = %s, last_used_ts = %s"
        " WHERE nid = %s AND (sign_count < %s OR (sign_count = 0 AND %s = 0))"
    )
    return db.changed(sql, (sign_count, now, nid, sign_count, sign_count)) == 1


def rename(nid: int, user_nid: int, name: str) -> bool:
    """Give a passkey of a user another name; False when it is not there."""
    sql = "UPDATE passkey SET name = %s WHERE nid = %s AND user_nid = %s"
    return db.changed(sql, (name, nid, user_nid)) == 1


def delete(nid: int, user_nid: int) -> bool:
    """Remove a passkey of a user; False when it is not there."""
    return db.changed("DELETE FROM passkey WHERE nid = %s AND user_nid = %s", (nid, user_nid)) == 1


def delete_of_user(user_nid: int) -> int:
    """Remove all passkeys of a user; how many."""
    return db.changed("DELETE FROM passkey WHERE user_nid = %s", (user_nid,))
