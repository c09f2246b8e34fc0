"""Addresses that were bound to users at identity servers."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.threepids import canonical


class Binding(NamedTuple):
    """An address, and the identity server that knows whose it is."""

    medium: str
    address: str
    id_server: str


def insert(user_nid: int, binding: Binding) -> None:
    """Note a binding."""
    sql = (
        "INSERT INTO threepid_binding (user_nid, medium, address, id_server) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING"
    )
    address = canonical(binding.medium, binding.address)
    db.execute(sql, (user_nid, binding.medium, address, binding.id_server))


def of_user(user_nid: int) -> list[Binding]:
    """Every binding of a user."""
    sql = "SELECT medium, address, id_server FROM threepid_binding WHERE user_nid = %s ORDER BY nid"
    return [Binding(*found) for found in db.rows(sql, (user_nid,))]


def servers_of(user_nid: int, medium: str, address: str) -> list[str]:
    """The identity servers that know an address of a user."""
    sql = "SELECT id_server FROM threepid_binding WHERE user_nid = %s AND medium = %s AND address = %s"
    return [found[0] for found in db.rows(sql, (user_nid, medium, canonical(medium, address)))]


def delete(user_nid: int, binding: Binding) -> None:
    """Forget a binding."""
    sql = (
        "DELETE FROM threepid_binding WHERE user_nid = %s AND medium = %s AND address = %s AND id_server = %s"
    )
    db.execute(sql, (user_nid, binding.medium, canonical(binding.medium, binding.address), binding.id_server))
