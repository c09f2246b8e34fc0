"""Removing what a user kept on this server."""

from __future__ import annotations

from matrix_app.storage import db

# Tables of things that belong to one user alone, by their `user_nid`.
_OF_USER = (
    "profile",
    "account_data",
    "push_rules",
    "pusher",
    "filter",
    "cross_signing_key",
    "cross_signing_reset",
    "presence",
    "one_time_token",
    "thread_subscription",
)


def remove_pushers(user_nid: int) -> None:
    """Push nothing to the user any more."""
    db.execute("DELETE FROM pusher WHERE user_nid = %s", (user_nid,))


def erase_user_data(user_nid: int) -> None:
    """Remove profile, account data, rules, keys and key backups of a user."""
    for table in _OF_USER:
        db.execute(f"DELETE FROM {table} WHERE user_nid = %s", (user_nid,))
    db.execute("DELETE FROM key_signature WHERE signer_nid = %s", (user_nid,))
    versions = "SELECT nid FROM key_backup_version WHERE user_nid = %s"
    db.execute(f"DELETE FROM key_backup_session WHERE version_nid IN ({versions})", (user_nid,))
    db.execute("DELETE FROM key_backup_version WHERE user_nid = %s", (user_nid,))
