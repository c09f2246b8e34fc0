"""Which devices have signed in by the OAuth 2.0 API."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class OAuthSessionRow(NamedTuple):
    """The client that a device is, what it may do, and since when."""

    device_nid: int
    client_nid: int
    scope: str
    created_ts: int


def of_device(device_nid: int) -> OAuthSessionRow | None:
    """The session of a device; None for one that signed in by the legacy API."""
    sql = "SELECT device_nid, client_nid, scope, created_ts FROM oauth_session WHERE device_nid = %s"
    found = db.row(sql, (device_nid,))
    return OAuthSessionRow(*found) if found else None


def put(session: OAuthSessionRow) -> None:
    """A device has signed in."""
    sql = "INSERT INTO oauth_session (device_nid, client_nid, scope, created_ts) VALUES (%s, %s, %s, %s)"
    db.execute(sql, session)


def end(device_nid: int) -> None:
    """A device is this client no longer; it may have signed in anew by either API."""
    db.execute("DELETE FROM oauth_session WHERE device_nid = %s", (device_nid,))
