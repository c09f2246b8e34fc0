"""Refresh tokens ("Refreshing access tokens" of the client-server API)."""

from __future__ import annotations

from matrix_app.storage import db, sessions


def access_token_used(token_nid: int, refresh_token_nid: int) -> None:
    """The first use of a refreshed access token ends the tokens before it: its client has it."""
    with db.write():
        sessions.mark_used(token_nid)
        db.execute("DELETE FROM refresh_token WHERE next_nid = %s", (refresh_token_nid,))
