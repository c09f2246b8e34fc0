"""Third-party identifiers (mail addresses) of accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db


class ThreePidRow(NamedTuple):
    """An address of an account."""

    medium: str
    address: str
    validated_ts: int
    added_ts: int


def canonical(medium: str, address: str) -> str:
    """How an address is stored: mail addresses case-folded ("3PID Types" of the appendices)."""
    return address.casefold() if medium == "email" else address


def owner_of(medium: str, address: str) -> int | None:
    """The nid of the user who has an address, or None."""
    sql = "SELECT user_nid FROM threepid WHERE medium = %s AND address = %s"
    found: int | None = db.value(sql, (medium, canonical(medium, address)))
    return found


def existing(addresses: Iterable[str]) -> set[str]:
    """Those of some mail addresses, as they are stored, that belong to an account."""
    sql = f"SELECT address FROM threepid WHERE medium = 'email' AND {db.in_any('address')}"
    return {found[0] for found in db.rows(sql, (db.any_of(addresses),))}


def of_user(user_nid: int) -> list[ThreePidRow]:
    """The addresses of a user, in the order in which they were added."""
    sql = "SELECT medium, address, validated_ts, added_ts FROM threepid WHERE user_nid = %s ORDER BY nid"
    return [ThreePidRow(*found) for found in db.rows(sql, (user_nid,))]


def insert(user_nid: int, row: ThreePidRow) -> bool:
    """Add an address to an account; False when another account has it."""
    sql = (
        "INSERT INTO threepid (user_nid, medium, address, validated_ts, added_ts) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (medium, address) DO NOTHING"
    )
    values = (user_nid, row.medium, canonical(row.medium, row.address), row.validated_ts, row.added_ts)
    return db.changed(sql, values) == 1


def delete(user_nid: int, medium: str, address: str) -> bool:
    """Remove an address from an account; False when the account does not have it."""
    sql = "DELETE FROM threepid WHERE user_nid = %s AND medium = %s AND address = %s"
    return db.changed(sql, (user_nid, medium, canonical(medium, address))) == 1


def delete_all(user_nid: int) -> None:
    """Remove every address of an account."""
    db.execute("DELETE FROM threepid WHERE user_nid = %s", (user_nid,))


def of_users(user_nids: Iterable[int]) -> dict[int, list[str]]:
    """The mail addresses of some users, by user."""
    sql = (
        f"SELECT user_nid, address FROM threepid WHERE {db.in_any('user_nid')} AND medium = 'email'"
        " ORDER BY nid"
    )
    found: dict[int, list[str]] = {}
    for nid, address in db.rows(sql, (db.any_of(user_nids),)):
        found.setdefault(nid, []).append(address)
    return found
