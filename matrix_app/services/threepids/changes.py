"""Adding addresses to accounts, and removing them."""

from __future__ import annotations

from matrix_app.protocol.errors import ThreepidAuthFailed, ThreepidInUse
from matrix_app.protocol.ids import parse_text
from matrix_app.services.threepids.validation import Purpose, validated_session
from matrix_app.storage import db, pushers, threepid_sessions, threepids
from matrix_app.storage.clock import now_ms
from matrix_app.storage.threepid_sessions import ThreePidSession
from matrix_app.storage.threepids import ThreePidRow


def find_validated(sid: str, client_secret: str) -> ThreePidSession:
    """The session that proves an address to be the user's; raises `ThreepidAuthFailed`."""
    session = validated_session(sid, client_secret, Purpose.ADD)
    if session is None:
        raise ThreepidAuthFailed("The address has not been confirmed")
    return session


def add_threepid(user_nid: int, session: ThreePidSession) -> None:
    """Add a validated address to an account; raises `ThreepidInUse` when another account has it."""
    if session.validated_ts is None:
        raise ThreepidAuthFailed("The address has not been confirmed")
    row = ThreePidRow(session.medium, session.address, session.validated_ts, now_ms())
    with db.write():
        added = threepids.insert(user_nid, row)
        if not added and threepids.owner_of(session.medium, session.address) != user_nid:
            raise ThreepidInUse("The address belongs to another account")
        threepid_sessions.delete(session.sid)


def remove_threepid(user_nid: int, medium: str, address: str) -> None:
    """Remove an address from an account; nothing happens when the account does not have it.

    No notifications are mailed to it any more.
    """
    with db.write():
        if threepids.delete(user_nid, parse_text(medium), parse_text(address)):
            _stop_mails(user_nid, threepids.canonical(medium, address))


def _stop_mails(user_nid: int, address: str) -> None:
    for pusher in pushers.of_user(user_nid):
        if pusher.kind == "email" and threepids.canonical("email", pusher.pushkey) == address:
            pushers.delete_one(pusher.nid)
