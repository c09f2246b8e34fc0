"""Tables of users that are imported: sealed, and for a day; and what has come of their rows."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.protocol.said import packed, unpacked
from matrix_app.storage import db


class ImportRow(NamedTuple):
    """A table that was uploaded, without its content; `options` is JSON, `task_nid` None before it is begun.

    `findings` is sealed, and None until it was looked at: where that takes long, by the task `look_task_nid`.
    """

    nid: int
    options: bytes
    findings: bytes | None
    look_task_nid: int | None
    task_nid: int | None
    created_ts: int
    expires_ts: int


class DoneRow(NamedTuple):
    """A row that has been done: with a `reason` no account was made of it."""

    number: int
    user_id: str
    reason: str | None
    sealed_password: bytes | None


class Counts(NamedTuple):
    """How far an import is."""

    made: int
    skipped: int
    passwords: int


_COLUMNS = ", ".join(ImportRow._fields)


def insert(sealed: bytes, options: bytes, findings: bytes | None, now: int, expires_ts: int) -> int:
    """Keep a table; its nid."""
    sql = (
        "INSERT INTO user_import (sealed, options, findings, created_ts, expires_ts)"
        " VALUES (%s, %s, %s, %s, %s) RETURNING nid"
    )
    return int(db.value(sql, (sealed, options, findings, now, expires_ts)))


def get(nid: int) -> ImportRow | None:
    """A table, or None."""
    found = db.row(f"SELECT {_COLUMNS} FROM user_import WHERE nid = %s", (nid,))
    if found is None:
        return None
    row = ImportRow(*found)
    findings = None if row.findings is None else bytes(row.findings)
    return row._replace(options=bytes(row.options), findings=findings)


def content(nid: int) -> bytes:
    """The sealed content of a table that is there."""
    return bytes(db.value("SELECT sealed FROM user_import WHERE nid = %s", (nid,)))


def set_look_task(nid: int, task_nid: int) -> None:
    """Note which task looks at a table."""
    db.execute("UPDATE user_import SET look_task_nid = %s WHERE nid = %s", (task_nid, nid))


def set_findings(nid: int, findings: bytes) -> None:
    """Note what would happen with a table."""
    db.execute("UPDATE user_import SET findings = %s WHERE nid = %s", (findings, nid))


def recent(limit: int) -> list[tuple[int, int, int | None]]:
    """The newest tables that are kept: (nid, when they came, task)."""
    sql = "SELECT nid, created_ts, task_nid FROM user_import ORDER BY nid DESC LIMIT %s"
    return [(nid, ts, task) for nid, ts, task in db.rows(sql, (limit,))]


def set_task(nid: int, task_nid: int) -> bool:
    """Note which task works on a table; False when one has been at it already."""
    sql = "UPDATE user_import SET task_nid = %s WHERE nid = %s AND task_nid IS NULL"
    return db.changed(sql, (task_nid, nid)) == 1


def note(nid: int, row: DoneRow) -> None:
    """Note what has come of a row."""
    db.execute(
        "INSERT INTO user_import_row (import_nid, number, user_id, reason, sealed_password)"
        " VALUES (%s, %s, %s, %s, %s)",
        (nid, row.number, row.user_id, row.reason and packed(row.reason), row.sealed_password),
    )


def next_number(nid: int) -> int:
    """The first row that has not been done."""
    sql = "SELECT coalesce(max(number), -1) + 1 FROM user_import_row WHERE import_nid = %s"
    return int(db.value(sql, (nid,)))


def counts(nid: int) -> Counts:
    """How far an import is."""
    sql = "SELECT count(*), count(reason), count(sealed_password) FROM user_import_row WHERE import_nid = %s"
    done, skipped, passwords = db.rows(sql, (nid,))[0]
    return Counts(done - skipped, skipped, passwords)


def done_rows(nid: int) -> list[DoneRow]:
    """What has come of the rows so far, in their order."""
    sql = (
        "SELECT number, user_id, reason, sealed_password FROM user_import_row WHERE import_nid = %s"
        " ORDER BY number"
    )
    return [
        DoneRow(number, user_id, reason and unpacked(reason), sealed_password)
        for number, user_id, reason, sealed_password in db.rows(sql, (nid,))
    ]


def take_passwords(nid: int) -> list[tuple[str, bytes]]:
    """The passwords that were made, by user ID, in the order of the table; they are forgotten."""
    found = [(row.user_id, row.sealed_password) for row in done_rows(nid)]
    db.execute("UPDATE user_import_row SET sealed_password = NULL WHERE import_nid = %s", (nid,))
    return [(user_id, bytes(sealed)) for user_id, sealed in found if sealed is not None]


def remove(nid: int) -> None:
    """Forget a table and what came of it."""
    db.execute("DELETE FROM user_import_row WHERE import_nid = %s", (nid,))
    db.execute("DELETE FROM user_import WHERE nid = %s", (nid,))


def remove_expired(now: int) -> int:
    """Forget tables whose time is over; how many."""
    gone = db.rows("SELECT nid FROM user_import WHERE expires_ts < %s LIMIT 100", (now,))
    for (nid,) in gone:
        remove(nid)
    return len(gone)
