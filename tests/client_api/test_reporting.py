"""Reports of events, rooms and users."""

from __future__ import annotations

from matrix_app.storage import db
from tests.factories.client import ClientFactory
from tests.factories.present_state import room_of


def test_reports_are_kept(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    event_id = alice.send(room_id).body["event_id"]
    assert alice.post(f"/rooms/{room_id}/report/{event_id}", {"reason": "r", "score": -100}).body == {}
    assert bob.post(f"/rooms/{room_id}/report", {"reason": ""}).body == {}
    assert bob.post(f"/users/{alice.user_id}/report", {"reason": "u"}).body == {}
    columns = "reporter_nid, room_nid, event_id, reported_user_nid, score, reason"
    sql = f"SELECT {columns} FROM event_report ORDER BY nid"
    reporter, room = bob.requester.user_nid, room_of(room_id).nid
    assert db.rows(sql) == [
        (alice.requester.user_nid, room, event_id, None, -100, "r"),
        (reporter, room, None, None, None, ""),
        (reporter, None, None, alice.requester.user_nid, None, "u"),
    ]


def test_events_are_reported_by_those_who_are_in_the_room(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    event_id = alice.send(room_id).body["event_id"]
    assert bob.post(f"/rooms/{room_id}/report/{event_id}").errcode == "M_NOT_FOUND"
    assert alice.post(f"/rooms/{room_id}/report/$unknown").errcode == "M_NOT_FOUND"
    other = alice.create_room()
    assert alice.post(f"/rooms/{other}/report/{event_id}").errcode == "M_NOT_FOUND"


def test_bad_reports_are_refused(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.post("/rooms/!unknown:hearth.example/report", {"reason": "r"}).errcode == "M_NOT_FOUND"
    assert alice.post(f"/rooms/{alice.create_room()}/report").errcode == "M_MISSING_PARAM"
    assert alice.post("/users/nobody/report", {"reason": "r"}).errcode == "M_INVALID_PARAM"
    assert alice.post("/users/@nobody:hearth.example/report", {"reason": "r"}).status == 200
