"""Reporting content ("Reporting content")."""

from __future__ import annotations

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import report


class ReasonBody(msgspec.Struct):
    """The body of a report of a room or a user."""

    reason: str


class EventReportBody(msgspec.Struct):
    """The body of a report of an event; older clients send a score."""

    reason: str | None = None
    score: int | None = None


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/report/{event_id}", rate="report")
def post_report_event(request: Request) -> dict[str, str]:
    """Report an event."""
    body = request.decode(EventReportBody, empty_allowed=True)
    path = request.path
    report.report_event(
        request.requester, path["room_id"], path["event_id"], reason=body.reason, score=body.score
    )
    return {}


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/report", rate="report")
def post_report_room(request: Request) -> dict[str, str]:
    """Report a room."""
    report.report_room(request.requester, request.path["room_id"], reason=request.decode(ReasonBody).reason)
    return {}


@endpoint("POST", "/_matrix/client/v3/users/{user_id}/report", rate="report")
def post_report_user(request: Request) -> dict[str, str]:
    """Report a user."""
    report.report_user(request.requester, request.path["user_id"], reason=request.decode(ReasonBody).reason)
    return {}
