"""Repeated requests."""

from __future__ import annotations

import threading

from django.db import connection

from matrix_app.services.send_event import send_message
from matrix_app.storage import db
from tests.factories.client import ClientFactory
from tests.factories.present_state import room_of


def test_a_request_repeated_while_the_first_is_under_way_sends_once(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    start = threading.Barrier(4)
    sent: list[str] = []

    def send() -> None:
        try:
            start.wait(10)
            content = {"msgtype": "m.text", "body": "hello"}
            sent.append(send_message(alice.requester, room_id, "m.room.message", content, txn_id="t"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(sent) == 4
    assert len(set(sent)) == 1
    sql = "SELECT count(*) FROM event WHERE room_nid = %s AND type = 'm.room.message'"
    assert db.value(sql, (room_of(room_id).nid,)) == 1


def test_many_who_send_at_once_make_one_line_of_events(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()

    def send(name: str) -> None:
        try:
            for number in range(5):
                content = {"msgtype": "m.text", "body": name}
                send_message(alice.requester, room_id, "m.room.message", content, txn_id=f"{name}{number}")
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    nid = room_of(room_id).nid
    depths = [row[0] for row in db.rows("SELECT depth FROM event WHERE room_nid = %s ORDER BY nid", (nid,))]
    assert depths == list(range(1, len(depths) + 1))
    assert db.value("SELECT count(*) FROM forward_extremity WHERE room_nid = %s", (nid,)) == 1
