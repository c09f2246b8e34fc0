"""Authorization codes of the OAuth 2.0 API."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class OAuthCodeRow(NamedTuple):
    """A code, what it is bound to, and the device that has come of it."""

    code_hash: bytes
    client_nid: int
    user_nid: int
    redirect_uri: str
    code_challenge: str
    scope: str
    expires_ts: int
    device_nid: int | None = None


_COLUMNS = ", ".join(OAuthCodeRow._fields)


def put(code: OAuthCodeRow) -> None:
    """Store a code."""
    sql = f"INSERT INTO oauth_code ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    db.execute(sql, code)


def find(code_hash: bytes) -> OAuthCodeRow | None:
    """The code with a hash, or None; inside a write transaction no other has it meanwhile."""
    lock = "" if db.is_sqlite() else " FOR UPDATE"
    found = db.row(f"SELECT {_COLUMNS} FROM oauth_code WHERE code_hash = %s{lock}", (code_hash,))
    return OAuthCodeRow(*found) if found else None


def use(code_hash: bytes, device_nid: int) -> bool:
    """Note the device that has come of a code; False where one has already."""
    sql = "UPDATE oauth_code SET device_nid = %s WHERE code_hash = %s AND device_nid IS NULL"
    return db.changed(sql, (device_nid, code_hash)) == 1
