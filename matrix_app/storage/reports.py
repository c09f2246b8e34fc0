"""What users have reported."""

from __future__ import annotations

import time
from typing import NamedTuple

from matrix_app.storage import db


class Report(NamedTuple):
    """A report of an event, a room or a user."""

    reporter_nid: int
    room_nid: int | None = None
    event_id: str | None = None
    reported_user_nid: int | None = None
    score: int | None = None
    reason: str | None = None


def add(report: Report) -> int:
    """Store a report; its nid."""
    sql = (
        f"INSERT INTO event_report ({', '.join(Report._fields)}, received_ts)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING nid"
    )
    return int(db.value(sql, (*report, int(time.time() * 1000))))


class ListedReport(NamedTuple):
    """A report as administrators see it; `handled_ts` is None as long as nobody has seen to it."""

    nid: int
    reporter: str
    room_nid: int | None
    room_id: str | None
    event_id: str | None
    reported_user: str | None
    score: int | None
    reason: str | None
    received_ts: int
    handled_ts: int | None
    handled_by: str | None


_LISTED = (
    "SELECT r.nid, by_user.user_id, r.room_nid, room.room_id, r.event_id, about.user_id, r.score, r.reason,"
    " r.received_ts, r.handled_ts, handler.user_id FROM event_report r"
    " JOIN matrix_user by_user ON by_user.nid = r.reporter_nid LEFT JOIN room ON room.nid = r.room_nid"
    " LEFT JOIN matrix_user about ON about.nid = r.reported_user_nid"
    " LEFT JOIN matrix_user handler ON handler.nid = r.handled_by_nid"
)


def page(*, handled: bool, before: int | None, limit: int) -> list[ListedReport]:
    """Reports that somebody has seen to, or that nobody has, the newest first, before a nid."""
    condition = "r.handled_ts IS NOT NULL" if handled else "r.handled_ts IS NULL"
    sql = f"{_LISTED} WHERE {condition} AND r.nid < %s ORDER BY r.nid DESC LIMIT %s"
    return [ListedReport(*row) for row in db.rows(sql, ((1 << 62) if before is None else before, limit))]


def by_user(reporter_nid: int, limit: int) -> list[ListedReport]:
    """What a user has reported, the newest first."""
    sql = f"{_LISTED} WHERE r.reporter_nid = %s ORDER BY r.nid DESC LIMIT %s"
    return [ListedReport(*row) for row in db.rows(sql, (reporter_nid, limit))]


def find(nid: int) -> ListedReport | None:
    """A report, or None."""
    row = db.row(f"{_LISTED} WHERE r.nid = %s", (nid,))
    return ListedReport(*row) if row else None


def count_open() -> int:
    """How many reports nobody has seen to."""
    return int(db.value("SELECT count(*) FROM event_report WHERE handled_ts IS NULL"))


def set_handled(nid: int, now: int | None, by_nid: int | None) -> bool:
    """Note who has seen to a report, or with None that it is open again; False when there is none."""
    sql = "UPDATE event_report SET handled_ts = %s, handled_by_nid = %s WHERE nid = %s"
    return db.changed(sql, (now, by_nid, nid)) == 1


def delete(nid: int) -> bool:
    """Remove a report; False when there is none."""
    return db.changed("DELETE FROM event_report WHERE nid = %s", (nid,)) == 1


class EventReportQuery(NamedTuple):
    """Which reports of events are asked for, by parts of IDs."""

    reporter: str = ""
    room_id: str = ""
    sender: str = ""


_SENDER = (
    "EXISTS (SELECT 1 FROM event e JOIN matrix_user su ON su.nid = e.sender_nid"
    " WHERE e.event_id = r.event_id AND su.user_id LIKE %s ESCAPE '\\')"
)


def _of_events(query: EventReportQuery) -> tuple[str, list[str]]:
    columns = {
        "by_user.user_id LIKE %s ESCAPE '\\'": query.reporter,
        "room.room_id LIKE %s ESCAPE '\\'": query.room_id,
        _SENDER: query.sender,
    }
    given = {condition: text for condition, text in columns.items() if text}
    escaped = [text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for text in given.values()]
    return " AND ".join(["r.event_id IS NOT NULL", *given]), [f"%{text}%" for text in escaped]


def of_events(query: EventReportQuery, offset: int, limit: int, *, backwards: bool) -> list[ListedReport]:
    """A part of the reports of events, by when they came."""
    condition, values = _of_events(query)
    way = "DESC" if backwards else "ASC"
    sql = f"{_LISTED} WHERE {condition} ORDER BY r.nid {way} LIMIT %s OFFSET %s"
    return [ListedReport(*row) for row in db.rows(sql, (*values, limit, offset))]


def count_of_events(query: EventReportQuery) -> int:
    """How many such reports there are."""
    condition, values = _of_events(query)
    sql = (
        "SELECT count(*) FROM event_report r JOIN matrix_user by_user ON by_user.nid = r.reporter_nid"
        f" LEFT JOIN room ON room.nid = r.room_nid WHERE {condition}"
    )
    return int(db.value(sql, values))
