"""What administrators do with reports: look at what was reported in its place, act, and be done with it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.ids import domain_of
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.redact import redact
from matrix_app.storage import db, events, interning, reports, rooms
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import EventRow
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.reports import ListedReport

AROUND: Final = 5


class ShownEvent(NamedTuple):
    """An event of the room, as an administrator sees it; `content` is what is stored, redacted or not."""

    event_id: str
    sender: str
    type: str
    content: dict[str, Any]
    origin_server_ts: int
    is_reported: bool
    is_redacted: bool


def report_of(nid: int) -> ListedReport:
    """A report; raises `NotFound`."""
    report = reports.find(nid)
    if report is None:
        raise NotFound("There is no such report")
    return report


def context_of(report: ListedReport) -> list[ShownEvent]:
    """The reported event with a few before and after it; nothing when it is not here (any more)."""
    row = events.row_by_id(report.event_id) if report.event_id else None
    if row is None:
        return []
    place = (row.depth, row.nid)
    before = events.history(row.room_nid, before=place, limit=AROUND, backwards=True)
    after = events.history(row.room_nid, after=place, limit=AROUND, backwards=False)
    return [_shown(found, row) for found in (*reversed(before), row, *after)]


def _shown(row: EventRow, reported: EventRow) -> ShownEvent:
    event = events.parse(row)
    is_redacted = row.redacted_by_nid is not None
    return ShownEvent(
        row.event_id,
        event.sender,
        event.type,
        event.content,
        row.origin_server_ts,
        row == reported,
        is_redacted,
    )


def set_handled(actor: Actor, nid: int, handled: bool) -> None:
    """Note that a report was seen to, or open it again."""
    with db.write():
        if not reports.set_handled(nid, now_ms() if handled else None, actor.user_nid if handled else None):
            raise NotFound("There is no such report")
        audit.record(actor, "report.handle" if handled else "report.reopen", str(nid))


def delete(actor: Actor, nid: int) -> None:
    """Remove a report."""
    with db.write():
        if not reports.delete(nid):
            raise NotFound("There is no such report")
        audit.record(actor, "report.delete", str(nid))


def redact_reported(actor: Actor, requester: Requester, report: ListedReport, reason: str) -> str:
    """Redact the reported event, as its sender where that is a user of this server; the redaction's ID."""
    row = events.row_by_id(report.event_id) if report.event_id else None
    if row is None:
        raise NotFound("The event is not here any more")
    sender = interning.user_id_of(row.sender_nid)
    if domain_of(sender) == local_server_name():
        requester = Requester(
            user_id=sender, user_nid=row.sender_nid, device_id=None, device_nid=None, token_nid=None
        )
    redaction = redact(requester, rooms.by_nid(row.room_nid).room_id, row.event_id, reason=reason or None)
    audit.record(actor, "event.redact", row.event_id, sender=sender, reason=reason)
    return redaction
