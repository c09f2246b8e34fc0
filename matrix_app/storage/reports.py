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
