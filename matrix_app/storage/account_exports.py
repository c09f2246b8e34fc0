"""Archives of what accounts have here, and their parts in the store of media."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class ExportRow(NamedTuple):
    """An archive; `state` is JSON, `ready_ts` None until it is whole."""

    nid: int
    user_nid: int
    task_nid: int
    for_admins: bool
    state: bytes
    size: int
    created_ts: int
    ready_ts: int | None
    expires_ts: int


class PartRow(NamedTuple):
    """A part: where it is in the store, and its entries of the archive as JSON."""

    number: int
    location: str
    size: int
    entries: bytes


_COLUMNS = ", ".join(ExportRow._fields)


def insert(user_nid: int, task_nid: int, now: int, expires_ts: int, *, for_admins: bool) -> int:
    """Begin an archive; its nid."""
    sql = (
        "INSERT INTO account_export (user_nid, task_nid, for_admins, state, size, created_ts, expires_ts)"
        " VALUES (%s, %s, %s, %s, 0, %s, %s) RETURNING nid"
    )
    return int(db.value(sql, (user_nid, task_nid, for_admins, b"{}", now, expires_ts)))


def set_task(nid: int, task_nid: int) -> None:
    """Note which task makes an archive."""
    db.execute("UPDATE account_export SET task_nid = %s WHERE nid = %s", (task_nid, nid))


def get(nid: int) -> ExportRow | None:
    """An archive, or None."""
    found = db.row(f"SELECT {_COLUMNS} FROM account_export WHERE nid = %s", (nid,))
    return _row(found) if found else None


def of_user(user_nid: int) -> list[ExportRow]:
    """A user's archives, the newest first."""
    sql = f"SELECT {_COLUMNS} FROM account_export WHERE user_nid = %s ORDER BY nid DESC"
    return [_row(found) for found in db.rows(sql, (user_nid,))]


def expired(now: int, limit: int) -> list[ExportRow]:
    """Archives whose time is over."""
    sql = f"SELECT {_COLUMNS} FROM account_export WHERE expires_ts < %s ORDER BY expires_ts LIMIT %s"
    return [_row(found) for found in db.rows(sql, (now, limit))]


def abandoned(limit: int) -> list[ExportRow]:
    """Archives that are not whole and never will be: their task has ended, or is gone."""
    sql = (
        f"SELECT {', '.join('e.' + name for name in ExportRow._fields)} FROM account_export e"
        " LEFT JOIN long_task t ON t.nid = e.task_nid"
        " WHERE e.ready_ts IS NULL AND (t.nid IS NULL OR t.finished_ts IS NOT NULL) ORDER BY e.nid LIMIT %s"
    )
    return [_row(found) for found in db.rows(sql, (limit,))]


def parts(nid: int) -> list[PartRow]:
    """The parts of an archive, in order."""
    sql = (
        "SELECT number, location, size, entries FROM account_export_part WHERE export_nid = %s"
        " ORDER BY number"
    )
    return [
        PartRow(number, place, size, bytes(entries)) for number, place, size, entries in db.rows(sql, (nid,))
    ]


def add_part(nid: int, part: PartRow, state: bytes) -> bool:
    """Add the next part and note how far the archive is; False when the archive is gone."""
    sql = "UPDATE account_export SET size = size + %s, state = %s WHERE nid = %s"
    if db.changed(sql, (part.size, state, nid)) != 1:
        return False
    db.execute(
        "INSERT INTO account_export_part (export_nid, number, location, size, entries)"
        " VALUES (%s, %s, %s, %s, %s)",
        (nid, *part),
    )
    return True


def set_ready(nid: int, now: int, expires_ts: int) -> None:
    """Note that an archive is whole."""
    db.execute(
        "UPDATE account_export SET ready_ts = %s, expires_ts = %s WHERE nid = %s", (now, expires_ts, nid)
    )


def remove(nid: int) -> list[str]:
    """Remove an archive; where its parts are in the store."""
    found = db.rows("DELETE FROM account_export_part WHERE export_nid = %s RETURNING location", (nid,))
    db.execute("DELETE FROM account_export WHERE nid = %s", (nid,))
    return [location for (location,) in found]


def _row(found: db.Row) -> ExportRow:
    row = ExportRow(*found)
    return row._replace(state=bytes(row.state))
