"""Devices and tokens: who a token belongs to, and their making and unmaking."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class TokenOwner(NamedTuple):
    """What one look-up tells of an access token."""

    token_nid: int
    expires_ts: int | None
    used: bool
    refresh_token_nid: int | None
    user_nid: int
    user_id: str
    device_nid: int | None
    device_id: str | None
    is_admin: bool
    is_guest: bool
    locked_ts: int | None
    suspended_ts: int | None
    deactivated_ts: int | None
    messages_per_second: int | None
    messages_burst: int | None


_OWNER = """
SELECT t.nid, t.expires_ts, t.used, t.refresh_token_nid, u.nid, u.user_id, d.nid, d.device_id,
       a.is_admin, a.is_guest, a.locked_ts, a.suspended_ts, a.deactivated_ts,
       a.messages_per_second, a.messages_burst
FROM access_token t
JOIN matrix_user u ON u.nid = t.user_nid
JOIN account a ON a.user_nid = t.user_nid
LEFT JOIN device d ON d.nid = t.device_nid
WHERE t.token_hash = %s
"""


def find_token(token_hash: bytes) -> TokenOwner | None:
    """The owner of an access token, or None."""
    found = db.row(_OWNER, (token_hash,))
    return TokenOwner(*found) if found else None


def mark_used(token_nid: int) -> None:
    """Note the first use of an access token that came with a refresh token."""
    db.execute("UPDATE access_token SET used = %s WHERE nid = %s", (True, token_nid))


def put_token(
    token_hash: bytes,
    user_nid: int,
    device_nid: int | None,
    expires_ts: int | None,
    now: int,
    refresh_token_nid: int | None = None,
) -> int:
    """Store an access token; its nid."""
    sql = (
        "INSERT INTO access_token (token_hash, user_nid, device_nid, expires_ts, created_ts,"
        " refresh_token_nid, used) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING nid"
    )
    return int(db.value(sql, (token_hash, user_nid, device_nid, expires_ts, now, refresh_token_nid, False)))


def put_device(user_nid: int, device_id: str, display_name: str | None, now: int) -> int:
    """Store a device, keeping the display name of one that is there already; its nid."""
    sql = (
        "INSERT INTO device (user_nid, device_id, display_name, created_ts, hidden)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (user_nid, device_id)"
        " DO UPDATE SET hidden = excluded.hidden RETURNING nid"
    )
    return int(db.value(sql, (user_nid, device_id, display_name, now, False)))


def end_tokens_of_device(device_nid: int) -> None:
    """End every access and refresh token of a device."""
    db.execute("DELETE FROM access_token WHERE device_nid = %s", (device_nid,))
    db.execute("DELETE FROM refresh_token WHERE device_nid = %s", (device_nid,))


def end_token(token_nid: int) -> None:
    """End one access token."""
    db.execute("DELETE FROM access_token WHERE nid = %s", (token_nid,))


def end_tokens_of_user(user_nid: int, *, but_device_nid: int | None = None) -> None:
    """End every token of a user, but those of one device."""
    kept = -1 if but_device_nid is None else but_device_nid
    for table in ("access_token", "refresh_token"):
        db.execute(
            f"DELETE FROM {table} WHERE user_nid = %s AND (device_nid IS NULL OR device_nid <> %s)",
            (user_nid, kept),
        )
    # Nor may a device be signed in by what the user has allowed before.
    db.execute("DELETE FROM oauth_code WHERE user_nid = %s AND device_nid IS NULL", (user_nid,))
    db.execute("DELETE FROM oauth_device_grant WHERE user_nid = %s", (user_nid,))
