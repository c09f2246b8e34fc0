"""The summary of each room: what directories and room lists show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from matrix_app.storage import db


class SummaryRow(NamedTuple):
    """The columns of a summary."""

    room_nid: int
    name: str | None
    topic: str | None
    canonical_alias: str | None
    avatar_url: str | None
    room_type: str | None
    join_rule: str
    history_visibility: str
    guest_access: str
    encryption: str | None
    federate: bool
    joined_members: int
    invited_members: int
    local_joined_members: int


COLUMNS = ", ".join(SummaryRow._fields)
_EMPTY = SummaryRow(0, None, None, None, None, None, "invite", "shared", "forbidden", None, True, 0, 0, 0)


def update(room_nid: int, fields: Mapping[str, Any], joined: int, invited: int, local: int) -> None:
    """Set columns and add to the member counts; makes the row when it is new."""
    if not fields and not (joined or invited or local):
        return
    assignments = [f"{column} = %s" for column in fields]
    assignments += [
        "joined_members = joined_members + %s",
        "invited_members = invited_members + %s",
        "local_joined_members = local_joined_members + %s",
    ]
    sql = f"UPDATE room_summary SET {', '.join(assignments)} WHERE room_nid = %s"
    if db.changed(sql, (*fields.values(), joined, invited, local, room_nid)) == 0:
        _insert(_EMPTY._replace(room_nid=room_nid, **fields), joined, invited, local)


def _insert(empty: SummaryRow, joined: int, invited: int, local: int) -> None:
    row = empty._replace(joined_members=joined, invited_members=invited, local_joined_members=local)
    placeholders = ", ".join(["%s"] * len(row))
    db.execute(f"INSERT INTO room_summary ({COLUMNS}) VALUES ({placeholders})", row)


def local_members(room_nid: int) -> int:
    """How many users of this server are joined to a room."""
    sql = "SELECT local_joined_members FROM room_summary WHERE room_nid = %s"
    return int(db.value(sql, (room_nid,)) or 0)


def recount_invited(room_nid: int) -> None:
    """Set how many are invited to what the memberships say."""
    sql = (
        "UPDATE room_summary SET invited_members ="
        " (SELECT count(*) FROM membership WHERE room_nid = %s AND membership = 1) WHERE room_nid = %s"
    )
    db.execute(sql, (room_nid, room_nid))


def get(room_nid: int) -> SummaryRow:
    """The summary of a room; an empty one for a room without state."""
    found = db.row(f"SELECT {COLUMNS} FROM room_summary WHERE room_nid = %s", (room_nid,))
    return SummaryRow(*found) if found else _EMPTY._replace(room_nid=room_nid)


def get_many(room_nids: Iterable[int]) -> dict[int, SummaryRow]:
    """The summaries of those rooms that have one."""
    sql = f"SELECT {COLUMNS} FROM room_summary WHERE {db.in_any('room_nid')}"
    return {found[0]: SummaryRow(*found) for found in db.rows(sql, (db.any_of(room_nids),))}


def avatars_among(avatar_urls: Iterable[str]) -> set[str]:
    """Those of some `mxc://` URIs that are the picture of a room."""
    sql = f"SELECT avatar_url FROM room_summary WHERE {db.in_any('avatar_url')}"
    return {url for (url,) in db.rows(sql, (db.any_of(avatar_urls),))}
