"""Reports of events (not of rooms and users), as the tools that were made for Synapse ask for them."""

from __future__ import annotations

from typing import Any, Final

import orjson

from matrix_app.client_api.admin_query import V1, actor_of, next_token, part_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.services import handle_reports
from matrix_app.storage import events, reports, summaries
from matrix_app.storage.reports import EventReportQuery, ListedReport

_ORDERS: Final = frozenset({"received_ts"})


@endpoint("GET", f"{V1}/event_reports", auth=Auth.ADMIN)
def list_reports(request: Request) -> dict[str, Any]:
    """Reports of events, the newest first."""
    query = EventReportQuery(
        request.query("user_id") or "",
        request.query("room_id") or "",
        request.query("event_sender_user_id") or "",
    )
    part = part_of(request, _ORDERS, "received_ts", backwards=True)
    found = reports.of_events(query, part.offset, part.limit, backwards=part.backwards)
    total = reports.count_of_events(query)
    goes_on = {key: int(value) for key, value in next_token(part, len(found), total).items()}
    return {"event_reports": _shown(found), "total": total, **goes_on}


def _shown(found: list[ListedReport]) -> list[dict[str, Any]]:
    rows = events.rows_by_id({report.event_id for report in found if report.event_id})
    rooms = summaries.get_many({report.room_nid for report in found if report.room_nid is not None})
    return [
        {
            "id": report.nid,
            "received_ts": report.received_ts,
            "room_id": report.room_id,
            "event_id": report.event_id,
            "user_id": report.reporter,
            "reason": report.reason,
            "score": report.score,
            "sender": events.parse(rows[report.event_id]).sender if report.event_id in rows else None,
            "name": rooms[report.room_nid].name if report.room_nid in rooms else None,
            "canonical_alias": rooms[report.room_nid].canonical_alias if report.room_nid in rooms else None,
        }
        for report in found
    ]


def _nid(request: Request) -> int:
    text = request.path["report_id"]
    if not text.isdigit() or len(text) > 18:
        raise InvalidParam("The ID of a report is a whole number")
    return int(text)


@endpoint("GET", f"{V1}/event_reports/{{report_id}}", auth=Auth.ADMIN)
def get_report(request: Request) -> dict[str, Any]:
    """A report with the event as it is stored."""
    report = handle_reports.report_of(_nid(request))
    if report.event_id is None:
        raise NotFound("There is no such report of an event")
    row = events.row_by_id(report.event_id)
    (shown,) = _shown([report])
    return shown | {"event_json": None if row is None else orjson.Fragment(bytes(row.json))}


@endpoint("DELETE", f"{V1}/event_reports/{{report_id}}", auth=Auth.ADMIN, rate="write")
def delete_report(request: Request) -> dict[str, Any]:
    """Remove a report."""
    handle_reports.delete(actor_of(request), _nid(request))
    return {}
