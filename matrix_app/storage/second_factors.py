"""Second factors: authenticator apps and recovery codes of users; `passkeys.py` has the passkeys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matrix_app.storage import db


class TotpRow(NamedTuple):
    """The authenticator app of a user."""

    sealed_secret: bytes
    confirmed_ts: int | None
    last_step: int


def totp(user_nid: int) -> TotpRow | None:
    """The authenticator app of a user, confirmed or not, or None."""
    sql = "SELECT sealed_secret, confirmed_ts, last_step FROM totp_device WHERE user_nid = %s"
    found = db.row(sql, (user_nid,))
    return TotpRow(bytes(found[0]), found[1], found[2]) if found else None


def put_totp(user_nid: int, sealed_secret: bytes) -> None:
    """Store an authenticator app that has still to be confirmed, in place of another."""
    sql = (
        "INSERT INTO totp_device (user_nid, sealed_secret, last_step) VALUES (%s, %s, 0)"
        " ON CONFLICT (user_nid) DO UPDATE SET sealed_secret = excluded.sealed_secret, confirmed_ts = NULL,"
        " last_step = 0"
    )
    db.execute(sql, (user_nid, sealed_secret))


def accept_step(user_nid: int, step: int, now: int) -> bool:
    """Take the code of a time step, once; it confirms the app. False when one as late was taken already."""
    sql = (
        "UPDATE totp_device SET last_step = %s, confirmed_ts = COALESCE(confirmed_ts, %s)"
        " WHERE user_nid = %s AND last_step < %s"
    )
    return db.changed(sql, (step, now, user_nid, step)) == 1


def delete_totp(user_nid: int) -> None:
    """Remove the authenticator app of a user."""
    db.execute("DELETE FROM totp_device WHERE user_nid = %s", (user_nid,))


def delete_recovery_codes(user_nid: int) -> None:
    """Remove the recovery codes of a user."""
    db.execute("DELETE FROM recovery_code WHERE user_nid = %s", (user_nid,))


def put_recovery_codes(user_nid: int, hashes: Sequence[bytes]) -> None:
    """Store recovery codes in place of those before."""
    db.execute("DELETE FROM recovery_code WHERE user_nid = %s", (user_nid,))
    db.insert_many(
        "INSERT INTO recovery_code (user_nid, code_hash) VALUES {values}",
        2,
        [(user_nid, code_hash) for code_hash in hashes],
    )


def use_recovery_code(user_nid: int, code_hash: bytes) -> bool:
    """Spend a recovery code; False when it is not there."""
    sql = "DELETE FROM recovery_code WHERE user_nid = %s AND code_hash = %s"
    return db.changed(sql, (user_nid, code_hash)) == 1


def count_recovery_codes(user_nid: int) -> int:
    """How many recovery codes are left."""
    return int(db.value("SELECT count(*) FROM recovery_code WHERE user_nid = %s", (user_nid,)))
