"""The aliases of this server."""

from __future__ import annotations

import time
from typing import NamedTuple

from matrix_app.storage import db


class AliasRow(NamedTuple):
    """An alias and the room it leads to."""

    alias: str
    room_nid: int
    creator_nid: int


def find(alias: str) -> AliasRow | None:
    """The alias, or None."""
    found = db.row("SELECT alias, room_nid, creator_nid FROM room_alias WHERE alias = %s", (alias,))
    return AliasRow(*found) if found else None


def of_room(room_nid: int) -> list[str]:
    """The aliases that lead to a room."""
    sql = "SELECT alias FROM room_alias WHERE room_nid = %s ORDER BY alias"
    return [found[0] for found in db.rows(sql, (room_nid,))]


def add(alias: str, room_nid: int, creator_nid: int) -> bool:
    """Store an alias; False when it is taken."""
    sql = (
        "INSERT INTO room_alias (alias, room_nid, creator_nid, created_ts) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING"
    )
    return db.changed(sql, (alias, room_nid, creator_nid, int(time.time() * 1000))) == 1


def remove(alias: str) -> bool:
    """Remove an alias; False when there was none."""
    return db.changed("DELETE FROM room_alias WHERE alias = %s", (alias,)) == 1


def move(old_room_nid: int, new_room_nid: int) -> None:
    """Let every alias of one room lead to another."""
    db.execute("UPDATE room_alias SET room_nid = %s WHERE room_nid = %s", (new_room_nid, old_room_nid))


def remove_all(room_nid: int) -> None:
    """Remove every alias that leads to a room."""
    db.execute("DELETE FROM room_alias WHERE room_nid = %s", (room_nid,))
