"""Removing old messages of rooms."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.services import long_tasks
from matrix_app.storage import db
from tests.factories.client import Client, ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin(clients: ClientFactory) -> Client:
    return clients.make(admin=True)


def purge(admin: Client, room_id: str, event_id: str = "", **body: Any) -> str:
    path = f"/_synapse/admin/v1/purge_history/{room_id}" + (f"/{event_id}" if event_id else "")
    answer = admin.post(path, body)
    assert answer.status == 200, answer
    purge_id: str = answer.body["purge_id"]
    long_tasks.run(int(purge_id))
    status: str = admin.get(f"/_synapse/admin/v1/purge_history_status/{purge_id}").body["status"]
    return status


def shown(client: Client, room_id: str) -> list[str]:
    chunk = client.get(f"/rooms/{room_id}/messages?dir=b&limit=100").body["chunk"]
    return [event["content"].get("body", event["type"]) for event in reversed(chunk)]


def test_what_came_before_an_event_is_removed_and_the_state_stays(
    admin: Client, clients: ClientFactory
) -> None:
    writer = clients.make()
    room_id = writer.create_room(name="Archive")
    sent = [writer.send(room_id, f"m{number}").body["event_id"] for number in range(6)]
    assert purge(admin, room_id, sent[4], delete_local_events=True) == "complete"
    assert shown(writer, room_id) == ["m4", "m5"]
    state = {event["type"] for event in writer.get(f"/rooms/{room_id}/state").body}
    assert {"m.room.create", "m.room.member", "m.room.name"} <= state
    assert writer.get(f"/rooms/{room_id}/event/{sent[0]}").status == 404
    assert writer.send(room_id, "afterwards").status == 200
    assert shown(writer, room_id)[-1] == "afterwards"


def test_messages_of_own_users_are_hidden_and_kept_unless_they_are_to_go_too(
    admin: Client, clients: ClientFactory
) -> None:
    writer = clients.make()
    room_id = writer.create_room()
    sent = [writer.send(room_id, f"m{number}").body["event_id"] for number in range(3)]
    assert purge(admin, room_id, sent[-1]) == "complete"
    assert shown(writer, room_id) == ["m2"]
    assert db.value("SELECT count(*) FROM event WHERE event_id = %s AND is_outlier", (sent[0],)) == 1


def test_what_is_removed_is_no_longer_unread(admin: Client, clients: ClientFactory) -> None:
    from tests.factories.syncing import sync

    writer, reader = clients.many(2)
    room_id = writer.create_room(preset="public_chat")
    reader.change(room_id, "join")
    sent = [writer.send(room_id, f"m{number}").body["event_id"] for number in range(6)]
    purge(admin, room_id, sent[4], delete_local_events=True)
    unread = sync(reader)["rooms"]["join"][room_id]["unread_notifications"]
    assert unread["notification_count"] == 2


def test_messages_go_by_the_time_they_were_sent_and_the_last_event_stays(
    admin: Client, clients: ClientFactory
) -> None:
    writer = clients.make()
    room_id = writer.create_room()
    for number in range(4):
        writer.send(room_id, f"m{number}")
    with db.write():
        db.execute("UPDATE event SET origin_server_ts = 1000 + depth")
    until = db.value("SELECT max(origin_server_ts) FROM event")
    assert purge(admin, room_id, purge_up_to_ts=until - 2, delete_local_events=True) == "complete"
    assert shown(writer, room_id) == ["m2", "m3"]
    assert purge(admin, room_id, purge_up_to_ts=until + 9, delete_local_events=True) == "complete"
    assert shown(writer, room_id) == ["m3"]


def test_a_gap_is_noted_before_the_first_event_that_is_left(admin: Client, clients: ClientFactory) -> None:
    writer = clients.make()
    room_id = writer.create_room()
    sent = [writer.send(room_id, f"m{number}").body["event_id"] for number in range(3)]
    purge(admin, room_id, sent[2], delete_local_events=True)
    assert db.rows("SELECT missing_event_id FROM backward_extremity") == [(sent[1],)]


def test_a_sync_goes_on_after_a_removal(admin: Client, clients: ClientFactory) -> None:
    from tests.factories.syncing import sync

    writer = clients.make()
    room_id = writer.create_room()
    sent = [writer.send(room_id, f"m{number}").body["event_id"] for number in range(5)]
    since = sync(writer)["next_batch"]
    last = writer.send(room_id, "m5").body["event_id"]
    purge(admin, room_id, sent[3], delete_local_events=True)
    incremental = sync(writer, since=since)["rooms"]["join"][room_id]["timeline"]["events"]
    assert [event["event_id"] for event in incremental] == [last]
    first = sync(writer)["rooms"]["join"][room_id]
    bodies = [event["content"].get("body") for event in first["timeline"]["events"]]
    assert bodies == ["m3", "m4", "m5"]
    assert {"m.room.create", "m.room.power_levels"} <= {event["type"] for event in first["state"]["events"]}


def test_only_administrators_remove_history(clients: ClientFactory) -> None:
    writer = clients.make()
    room_id = writer.create_room()
    assert writer.post(f"/_synapse/admin/v1/purge_history/{room_id}", {"purge_up_to_ts": 1}).status == 403


@pytest.mark.parametrize(
    "body", [{}, {"purge_up_to_event_id": "$nothing"}, {"purge_up_to_ts": -1}, {"purge_up_to_ts": 2**63}]
)
def test_a_removal_up_to_nowhere_is_refused(admin: Client, body: dict[str, Any]) -> None:
    room_id = admin.create_room()
    assert admin.post(f"/_synapse/admin/v1/purge_history/{room_id}", body).status in (400, 404)


def test_long_histories_go_batch_by_batch(
    admin: Client, clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.factories.syncing import sync

    monkeypatch.setattr("matrix_app.services.purge_history.BATCH", 3)
    writer, reader = clients.many(2)
    room_id = writer.create_room(preset="public_chat")
    reader.change(room_id, "join")
    for number in range(10):
        writer.send(room_id, f"m{number}")
        writer.set_state(room_id, "m.room.topic", {"topic": str(number)})
    last = writer.send(room_id, "last").body["event_id"]
    assert purge(admin, room_id, last, delete_local_events=True) == "complete"
    assert shown(reader, room_id) == ["last"]
    unread = sync(reader)["rooms"]["join"][room_id]["unread_notifications"]
    assert unread["notification_count"] == 1
