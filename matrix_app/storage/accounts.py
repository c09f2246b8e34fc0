"""The accounts of local users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from matrix_app.storage import db


class MessageLimit(NamedTuple):
    """How many messages somebody may send, in place of what holds for everybody; 0 a second: no limits."""

    per_second: int
    burst: int

    @property
    def is_unlimited(self) -> bool:
        """Whether there are no rate limits at all."""
        return self.per_second == 0


def message_limit(per_second: int | None, burst: int | None) -> MessageLimit | None:
    """A limit as it is stored; None where what holds for everybody does."""
    return None if per_second is None else MessageLimit(per_second, burst or 0)


class Account(NamedTuple):
    """The account of a local user."""

    user_nid: int
    user_id: str
    password_hash: str | None
    is_admin: bool
    is_guest: bool
    created_ts: int
    deactivated_ts: int | None
    erased: bool
    locked_ts: int | None
    suspended_ts: int | None
    appservice_id: str | None
    last_active_ts: int | None
    messages_per_second: int | None
    messages_burst: int | None

    @property
    def message_limit(self) -> MessageLimit | None:
        """The limit of messages that holds for this user alone."""
        return message_limit(self.messages_per_second, self.messages_burst)


_SELECT = (
    "SELECT a.user_nid, u.user_id, a.password_hash, a.is_admin, a.is_guest, a.created_ts, a.deactivated_ts,"
    " a.erased, a.locked_ts, a.suspended_ts, a.appservice_id, a.last_active_ts,"
    " a.messages_per_second, a.messages_burst"
    " FROM account a JOIN matrix_user u ON u.nid = a.user_nid"
)


def find(user_id: str) -> Account | None:
    """The account with a user ID, or None; deactivated accounts are found too."""
    found = db.row(f"{_SELECT} WHERE u.user_id = %s", (user_id,))
    return Account(*found) if found else None


def get(user_nid: int) -> Account | None:
    """The account of a user, or None."""
    found = db.row(f"{_SELECT} WHERE a.user_nid = %s", (user_nid,))
    return Account(*found) if found else None


def some(user_nids: Iterable[int]) -> list[Account]:
    """The accounts of some users, in the order of their nids; those that have none are left out."""
    sql = f"{_SELECT} WHERE {db.in_any('a.user_nid')} ORDER BY a.user_nid"
    return [Account(*found) for found in db.rows(sql, (db.any_of(user_nids),))]


def existing(user_ids: Iterable[str]) -> set[str]:
    """Those of some user IDs that have an account, active or not."""
    sql = (
        "SELECT u.user_id FROM matrix_user u JOIN account a ON a.user_nid = u.nid"
        f" WHERE {db.in_any('u.user_id')}"
    )
    return {found[0] for found in db.rows(sql, (db.any_of(user_ids),))}


def any_admin() -> bool:
    """Whether there is an administrator who can sign in."""
    return db.row("SELECT 1 FROM account WHERE is_admin AND deactivated_ts IS NULL LIMIT 1") is not None


def oldest_created_ts() -> int | None:
    """When the first account was made, in ms since the epoch; None when there is none."""
    found: int | None = db.value("SELECT min(created_ts) FROM account")
    return found


def any_user_id() -> str | None:
    """The ID of some local user, or None when nobody has an account."""
    found: str | None = db.value(
        "SELECT u.user_id FROM account a JOIN matrix_user u ON u.nid = a.user_nid LIMIT 1"
    )
    return found


def insert(
    user_nid: int,
    now: int,
    *,
    password_hash: str | None,
    is_admin: bool,
    is_guest: bool,
    appservice_id: str | None,
    terms_version: str,
) -> bool:
    """Store a new account; False when the user has one already."""
    sql = (
        "INSERT INTO account (user_nid, password_hash, is_admin, is_guest, created_ts, erased, appservice_id,"
        " terms_version) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
    )
    values = (user_nid, password_hash, is_admin, is_guest, now, False, appservice_id, terms_version)
    return db.changed(sql, values) == 1


def set_password_hash(user_nid: int, password_hash: str | None) -> None:
    """Store what is needed to check a new password; None makes password logins impossible."""
    db.execute("UPDATE account SET password_hash = %s WHERE user_nid = %s", (password_hash, user_nid))


def replace_password_hash(user_nid: int, old: str, new: str) -> None:
    """Store the same password hashed anew, unless the password was changed meanwhile."""
    sql = "UPDATE account SET password_hash = %s WHERE user_nid = %s AND password_hash = %s"
    db.execute(sql, (new, user_nid, old))


def put_display_name(user_nid: int, name: str) -> None:
    """Store the first display name of a new account."""
    sql = (
        "INSERT INTO profile (user_nid, field, value) VALUES (%s, %s, %s)"
        " ON CONFLICT (user_nid, field) DO UPDATE SET value = excluded.value"
    )
    db.execute(sql, (user_nid, "displayname", orjson.dumps(name)))


def deactivate(user_nid: int, now: int, *, erase: bool) -> None:
    """Note that an account has ended; one that has stays erased once it is."""
    sql = (
        "UPDATE account SET deactivated_ts = COALESCE(deactivated_ts, %s), erased = (erased OR %s),"
        " password_hash = NULL WHERE user_nid = %s"
    )
    db.execute(sql, (now, erase, user_nid))


def deactivated_in_rooms(limit: int = 100) -> list[int]:
    """The nids of users whose accounts have ended, and who are in rooms or invited all the same."""
    sql = (
        "SELECT DISTINCT a.user_nid FROM account a JOIN membership m ON m.user_nid = a.user_nid"
        " WHERE a.deactivated_ts IS NOT NULL AND m.membership IN (1, 2, 3) LIMIT %s"
    )
    return [found[0] for found in db.rows(sql, (limit,))]


def set_locked(user_nid: int, since: int | None) -> None:
    """Lock an account, or unlock it with None."""
    db.execute("UPDATE account SET locked_ts = %s WHERE user_nid = %s", (since, user_nid))


def set_suspended(user_nid: int, since: int | None) -> None:
    """Suspend an account, or lift that with None."""
    db.execute("UPDATE account SET suspended_ts = %s WHERE user_nid = %s", (since, user_nid))


def set_message_limit(user_nid: int, limit: MessageLimit | None) -> None:
    """Let a limit hold for a user alone, or with None what holds for everybody."""
    sql = "UPDATE account SET messages_per_second = %s, messages_burst = %s WHERE user_nid = %s"
    db.execute(sql, (*(limit or (None, None)), user_nid))


def end_guest(user_nid: int, password_hash: str | None) -> None:
    """Make a guest an ordinary user."""
    sql = "UPDATE account SET is_guest = %s, password_hash = %s WHERE user_nid = %s"
    db.execute(sql, (False, password_hash, user_nid))


def set_admin(user_nid: int, is_admin: bool) -> None:
    """Make a user an administrator, or not."""
    db.execute("UPDATE account SET is_admin = %s WHERE user_nid = %s", (is_admin, user_nid))


def people_after(user_nid: int, limit: int) -> list[Account]:
    """Users who can sign in, neither guests nor of bridges, by nid, after one."""
    sql = (
        f"{_SELECT} WHERE a.user_nid > %s AND a.deactivated_ts IS NULL AND NOT a.is_guest"
        " AND a.appservice_id IS NULL ORDER BY a.user_nid LIMIT %s"
    )
    return [Account(*found) for found in db.rows(sql, (user_nid, limit))]


def count_people() -> int:
    """How many such users there are."""
    sql = (
        "SELECT count(*) FROM account WHERE deactivated_ts IS NULL AND NOT is_guest AND appservice_id IS NULL"
    )
    return int(db.value(sql))
