"""Reporting what should be looked at by who runs the server ("Reporting content")."""

from __future__ import annotations

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.storage import db, events, interning, members, reports, rooms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import Membership
from matrix_app.storage.reports import Report


def report_event(
    requester: Requester, room_id: str, event_id: str, *, reason: str | None, score: int | None
) -> None:
    """Report an event. "Servers MUST verify that the reporting user is currently joined to the room"."""
    room = rooms.find(room_id)
    member = None if room is None else members.get(room.nid, requester.user_nid)
    row = events.row_by_id(event_id)
    joined = member is not None and member.membership == Membership.JOIN
    if room is None or not joined or row is None or row.room_nid != room.nid:
        raise NotFound("The event was not found or you are not joined to the room")
    _add(Report(requester.user_nid, room_nid=room.nid, event_id=event_id, score=score, reason=reason))


def report_room(requester: Requester, room_id: str, *, reason: str) -> None:
    """Report a room, whether the user is in it or not; raises `NotFound`."""
    room = rooms.find(room_id)
    if room is None:
        raise NotFound("The room was not found")
    _add(Report(requester.user_nid, room_nid=room.nid, reason=reason))


def report_user(requester: Requester, user_id: str, *, reason: str) -> None:
    """Report a user.

    "Homeservers that wish to conceal this information MAY return 200 responses regardless of the existence
    of the reported user": a report of an unknown user of this server is accepted, and means nothing.
    """
    parse_user_id(user_id)
    nid = interning.find_user(user_id)
    if nid is None and domain_of(user_id) == local_server_name():
        return
    with db.write():
        reports.add(
            Report(requester.user_nid, reported_user_nid=nid or interning.user_nid(user_id), reason=reason)
        )


def _add(report: Report) -> None:
    with db.write():
        reports.add(report)
