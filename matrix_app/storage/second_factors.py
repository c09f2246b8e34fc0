"""Second factors: authenticator apps, recovery codes and passkeys of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matrix_app.storage import db


class TotpRow(NamedTuple):
    """The authenticator app of a user."""

    sealed_secret: bytes
    confirmed_ts: int | None
    last_step: int


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


_PASSKEY = f"SELECT {', '.join(PasskeyRow._fields)} FROM passkey"


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
    """Remove the authenticator app of a user, and the recovery codes."""
    db.execute("DELETE FROM totp_device WHERE user_nid = %s", (user_nid,))
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


def passkeys(user_nid: int) -> list[PasskeyRow]:
    """The passkeys of a user, the oldest first."""
    return [_passkey(row) for row in db.rows(f"{_PASSKEY} WHERE user_nid = %s ORDER BY nid", (user_nid,))]


def passkey(credential_id: bytes) -> PasskeyRow | None:
    """A passkey by its credential ID, or None."""
    found = db.row(f"{_PASSKEY} WHERE credential_id = %s", (credential_id,))
    return _passkey(found) if found else None


def _passkey(row: db.Row) -> PasskeyRow:
    nid, user_nid, credential_id, public_key, *rest = row
    return PasskeyRow(nid, user_nid, bytes(credential_id), bytes(public_key), *rest)


def put_passkey(
    user_nid: int, credential_id: bytes, public_key: bytes, count: int, name: str, now: int
) -> None:
    """Store a passkey."""
    sql = (
        "INSERT INTO passkey (user_nid, credential_id, public_key, sign_count, name, created_ts)"
        " VALUES (%s, %s, %s, %s, %s, %s)"
    )
    db.execute(sql, (user_nid, credential_id, public_key, count, name, now))


def used_passkey(nid: int, sign_count: int, now: int) -> None:
    """Note the use of a passkey."""
    db.execute("UPDATE passkey SET sign_count = %s, last_used_ts = %s WHERE nid = %s", (sign_count, now, nid))


def delete_passkey(nid: int, user_nid: int) -> bool:
    """Remove a passkey of a user; False when it is not there."""
    return db.changed("DELETE FROM passkey WHERE nid = %s AND user_nid = %s", (nid, user_nid)) == 1
