"""What leaves for other servers, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.federation.sender import queue as queues
from matrix_app.protocol.errors import RemoteError, RemoteUnreachable
from matrix_app.services import remote_to_device
from matrix_app.services.delete_devices import delete_devices
from matrix_app.services.retry_server import let_ask
from matrix_app.storage import (
    db,
    destinations,
    device_keys,
    devices,
    outbound,
    receipts,
    relayed_events,
    typing,
)
from matrix_app.storage.clock import now_ms
from matrix_app.storage.receipts import ReceiptRow
from matrix_app.storage.stream import Kind, append_one
from tests.factories.client import ClientFactory
from tests.factories.rooms import ALICE, BOB, StoredRoom
from tests.factories.sending import OtherServers, sending, silence, wait_until

FAR = "@fran:far.example"
NEAR = "@nele:near.example"


@pytest.fixture
def others(transactional_db: None) -> OtherServers:
    return OtherServers()


def test_a_message_goes_to_every_other_server_in_the_room_once(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR, NEAR, "@second:far.example", BOB])
    with sending(others):
        event = room.message(ALICE)
        wait_until(lambda: others.pdus("far.example") and others.pdus("near.example"))
    assert {name for name, _, _ in others.transactions} == {"far.example", "near.example"}
    assert [pdu["content"] for pdu in others.pdus("far.example")] == [{"msgtype": "m.text", "body": "hello"}]
    _, path, content = others.transactions[0]
    assert path.startswith(f"/_matrix/federation/v1/send/{event.position}-")
    assert content["origin"] == "hearth.example"


def test_events_of_other_servers_are_never_sent_on(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR, NEAR, "@third:third.example"])
    with sending(others):
        room.message(FAR, "from afar")
        room.state("m.room.topic", {"topic": "theirs"}, sender=room.creator)
        wait_until(lambda: len(others.transactions) >= 3)
    for server in ("far.example", "near.example", "third.example"):
        assert [pdu["type"] for pdu in others.pdus(server)] == ["m.room.topic"]


def test_what_was_handed_in_here_is_brought_to_all_but_who_handed_it_in(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR, NEAR])
    with sending(others):
        with db.write():
            joined = room.join("@late:far.example")
            relayed_events.put(joined.nid, to_sender=False)
        wait_until(lambda: others.pdus("near.example"))
        room.message(ALICE, "welcome")
        wait_until(lambda: others.bodies("far.example"))
    assert [pdu["sender"] for pdu in others.pdus("near.example")] == ["@late:far.example", ALICE]
    assert [pdu["sender"] for pdu in others.pdus("far.example")] == [ALICE]


def test_what_was_made_here_for_a_user_elsewhere_is_brought_to_their_server_too(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR, NEAR])
    with sending(others):
        with db.write():
            invite = room.join("@late:far.example")
            relayed_events.put(invite.nid, to_sender=True)
        wait_until(lambda: others.pdus("near.example") and others.pdus("far.example"))
    assert [pdu["sender"] for pdu in others.pdus("far.example")] == ["@late:far.example"]


def test_a_server_learns_of_the_removal_of_its_last_user_and_of_nothing_after(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR, NEAR])
    with sending(others):
        room.member(ALICE, FAR, "leave")
        room.message(ALICE, "without them")
        wait_until(lambda: others.bodies("near.example") and others.pdus("far.example"))
    assert [pdu["type"] for pdu in others.pdus("far.example")] == ["m.room.member"]


def test_a_withdrawn_invite_reaches_the_server_of_the_invitee(others: OtherServers) -> None:
    room = StoredRoom(members=[NEAR])
    room.invite(FAR)
    with sending(others):
        room.member(ALICE, FAR, "leave")
        wait_until(lambda: others.pdus("far.example"))
    assert others.pdus("far.example")[0]["content"] == {"membership": "leave"}


def test_a_server_that_comes_gets_nothing_from_before(others: OtherServers) -> None:
    room = StoredRoom(members=[NEAR])
    with sending(others), db.write():
        # All of it is one step for the sender.
        room.message(ALICE, "before")
        room.join(FAR)
        room.message(ALICE, "after")
    with sending(others):
        wait_until(lambda: others.bodies("near.example") and others.bodies("far.example"))
    assert others.bodies("near.example") == ["before", "after"]
    assert others.bodies("far.example") == ["after"]


def test_a_room_of_this_server_alone_is_nobodys_business(others: OtherServers) -> None:
    alone, shared = StoredRoom(members=[BOB]), StoredRoom(members=[FAR])
    with sending(others):
        alone.message(ALICE, "here")
        shared.message(ALICE, "there")
        wait_until(lambda: others.bodies("far.example"))
    assert [name for name, _, _ in others.transactions] == ["far.example"]


def test_a_transaction_has_fifty_events_at_most(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    with sending(others):
        pass
    for number in range(120):
        room.message(ALICE, str(number))
    with sending(others):
        wait_until(lambda: len(others.pdus("far.example")) == 120)
    assert max(len(content["pdus"]) for _, _, content in others.transactions) == 50
    assert others.bodies("far.example") == [str(number) for number in range(120)]


def test_after_a_restart_nothing_is_lost_and_nothing_sent_twice(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    with sending(others):
        room.message(ALICE, "one")
        wait_until(lambda: others.bodies("far.example"))
    room.message(ALICE, "two")
    with sending(others):
        wait_until(lambda: len(others.bodies("far.example")) == 2)
        room.message(ALICE, "three")
        wait_until(lambda: len(others.bodies("far.example")) == 3)
    assert others.bodies("far.example") == ["one", "two", "three"]


def failed(server: str) -> None:
    """The server is noted as silent, as the client does it."""
    with db.write():
        destinations.put_failure(server, now_ms(), now_ms() + 3_600_000, 3_600_000)


def heard(server: str) -> None:
    """The server has shown life."""
    with db.write():
        destinations.put_success(server, now_ms())


def is_behind(server: str) -> bool:
    sql = "SELECT d.is_behind FROM destination d JOIN server s ON s.nid = d.server_nid WHERE s.name = %s"
    return bool(db.value(sql, (server,)))


def test_a_server_that_was_away_gets_the_latest_event_of_each_room(others: OtherServers) -> None:
    first, second, quiet = (StoredRoom(members=[FAR, NEAR]) for _ in range(3))
    others.faults["far.example"] = silence()
    failed("far.example")
    with sending(others):
        for body in ("1", "2", "3"):
            first.message(ALICE, f"first {body}")
            second.message(ALICE, f"second {body}")
        wait_until(lambda: len(others.bodies("near.example")) == 6 and is_behind("far.example"))
        first.message(FAR, "theirs comes last")
        others.faults.clear()
        heard("far.example")
        wait_until(lambda: len(others.bodies("far.example")) == 2)
        quiet.message(ALICE, "and on")
        wait_until(lambda: len(others.bodies("far.example")) == 3)
        wait_until(lambda: not is_behind("far.example"))
    assert others.bodies("far.example") == ["first 3", "second 3", "and on"]


def test_while_a_server_is_away_the_others_do_not_wait_and_it_is_left_alone(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR, NEAR])
    others.faults["far.example"] = silence()
    failed("far.example")
    with sending(others):
        for number in range(5):
            room.message(ALICE, str(number))
            wait_until(lambda: len(others.bodies("near.example")) == number + 1)  # noqa: B023
        assert others.asked.count("far.example") == 1


def test_what_a_server_handed_in_itself_hides_nothing_that_it_lacks(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    others.faults["far.example"] = silence()
    failed("far.example")
    with sending(others):
        room.message(ALICE, "while you were away")
        wait_until(lambda: is_behind("far.example"))
        with db.write():
            joined = room.join("@late:far.example")
            relayed_events.put(joined.nid, to_sender=False)
        others.faults.clear()
        heard("far.example")
        wait_until(lambda: not is_behind("far.example"))
    assert others.bodies("far.example") == ["while you were away"]


def test_an_outage_survives_a_restart(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    others.faults["far.example"] = silence()
    failed("far.example")
    with sending(others):
        room.message(ALICE, "while you were away")
        wait_until(lambda: others.asked)
    others.faults.clear()
    heard("far.example")
    with sending(others):
        wait_until(lambda: others.bodies("far.example") == ["while you were away"])


def test_who_was_removed_during_an_outage_learns_of_that_and_of_nothing_later(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR, NEAR])
    others.faults["far.example"] = silence()
    failed("far.example")
    with sending(others):
        room.message(ALICE, "before")
        wait_until(lambda: is_behind("far.example"))
        room.member(ALICE, FAR, "ban")
        room.message(ALICE, "among ourselves")
        others.faults.clear()
        heard("far.example")
        wait_until(lambda: others.pdus("far.example"))
        wait_until(lambda: not is_behind("far.example"))
    assert [pdu["content"].get("membership") for pdu in others.pdus("far.example")] == ["ban"]


def test_a_server_that_refuses_is_not_asked_at_once_again(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    others.faults["far.example"] = RemoteError("far.example", 403, {"errcode": "M_FORBIDDEN"})
    with sending(others):
        room.message(ALICE)
        wait_until(lambda: is_behind("far.example"))
        room.message(ALICE)
        assert outbound.due(now_ms(), 10) == []
        assert [due.refuses for due in outbound.due(now_ms() + 10_000, 10)] == [True]
        assert others.asked == ["far.example"]


def _pdus_by_transaction(others: OtherServers) -> list[tuple[str, list[Any]]]:
    return [
        (path.rpartition("/")[2], [pdu["content"].get("body") for pdu in content["pdus"]])
        for _, path, content in others.transactions
    ]


def test_what_may_have_arrived_before_a_restart_is_sent_again_as_it_was(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    with sending(others):
        others.accept_and_hang = True
        room.message(ALICE, "one")
        wait_until(lambda: others.transactions)
        room.message(ALICE, "two")
    others.accept_and_hang = False
    with sending(others):
        wait_until(lambda: len(others.bodies("far.example")) == 3)
    (first, bodies), (again, repeated), (last, rest) = _pdus_by_transaction(others)
    assert (bodies, repeated, rest) == (["one"], ["one"], ["two"])
    assert first == again != last
    with sending(others):
        room.message(ALICE, "three")
        wait_until(lambda: len(others.bodies("far.example")) == 4)
    assert others.bodies("far.example")[-1] == "three"


def test_what_may_have_arrived_before_an_outage_is_sent_again_as_it_was(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    with sending(others):
        others.accept_and_fail = RemoteUnreachable("the answer broke off", may_have_arrived=True)
        room.message(ALICE, "one")
        wait_until(lambda: is_behind("far.example"))
        failed("far.example")
        others.accept_and_fail = None
        for body in ("two", "three"):
            room.message(ALICE, body)
        others.transactions[1:] = []
        heard("far.example")
        wait_until(lambda: len(others.bodies("far.example")) == 3)
    (first, bodies), (again, repeated), (_, rest) = _pdus_by_transaction(others)
    assert (bodies, repeated, rest) == (["one"], ["one"], ["three"])
    assert first == again


def test_what_a_server_refused_is_not_held_up_by(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    others.faults["far.example"] = RemoteError("far.example", 400, {"errcode": "M_BAD_JSON"})
    with sending(others):
        room.message(ALICE, "one")
        wait_until(lambda: is_behind("far.example"))
    room.message(ALICE, "two")
    others.faults.clear()
    let_ask("far.example")
    with sending(others):
        wait_until(lambda: others.bodies("far.example"))
    assert others.bodies("far.example") == ["two"]


def typists(others: OtherServers) -> list[tuple[str, bool]]:
    return [(edu["user_id"], edu["typing"]) for edu in others.edus("far.example", "m.typing")]


def test_other_servers_see_who_of_this_one_types(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR, BOB])
    alice = room.row(room.message(ALICE).event_id).sender_nid
    fran = room.row(room.message(FAR).event_id).sender_nid
    with sending(others):
        for user_nid in (fran, alice):
            with db.write():
                typing.put(room.nid, user_nid, now_ms() + 30_000)
                typing.rooms_changed([room.nid])
        wait_until(lambda: typists(others) == [(ALICE, True)])
        with db.write():
            typing.remove(room.nid, alice)
            typing.rooms_changed([room.nid])
        wait_until(lambda: typists(others) == [(ALICE, True), (ALICE, False)])
        with db.write():
            typing.put(room.nid, alice, now_ms() + 30_000)
            typing.rooms_changed([room.nid])
        wait_until(lambda: typists(others) == [(ALICE, True), (ALICE, False), (ALICE, True)])
    paths = [path for _, path, _ in others.transactions]
    assert len(set(paths)) == len(paths), "what was said before is passed over under the same ID"


def put_receipt(room: StoredRoom, user_nid: int, event_id: str, kind: str, thread: str = "") -> None:
    with db.write():
        whom = {"user": user_nid} if kind == receipts.PRIVATE else {"room": room.nid}
        position = append_one(Kind.RECEIPT, **whom)
        receipts.put(ReceiptRow(room.nid, user_nid, kind, thread, event_id, None, 7, position))


def test_public_receipts_are_told_and_private_ones_are_not(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    event = room.message(ALICE)
    with sending(others):
        put_receipt(room, event.sender_nid, event.event_id, receipts.PRIVATE)
        put_receipt(room, event.sender_nid, event.event_id, receipts.PUBLIC, "main")
        wait_until(lambda: others.edus("far.example", "m.receipt"))
    receipt = {"data": {"ts": 7, "thread_id": "main"}, "event_ids": [event.event_id]}
    assert others.edus("far.example", "m.receipt") == [{room.room_id: {"m.read": {ALICE: receipt}}}]


def updates(others: OtherServers) -> list[dict[str, Any]]:
    return others.edus("far.example", "m.device_list_update")


def test_device_changes_name_the_change_before(others: OtherServers, clients: ClientFactory) -> None:
    client = clients.make()
    StoredRoom(creator=client.user_id, members=[FAR])
    nid = client.requester.user_nid
    keys = b'{"algorithms":[],"device_id":"DEVICE","keys":{},"signatures":{}}'
    with sending(others):
        with db.write():
            device_keys.put(nid, "DEVICE", keys)
            first = devices.device_list_changed(nid, "DEVICE")
        wait_until(lambda: len(updates(others)) == 1)
        delete_devices(nid, ["DEVICE"])
        wait_until(lambda: len(updates(others)) == 2)
    added, deleted = updates(others)
    assert added["keys"]["device_id"] == "DEVICE"
    assert added["stream_id"] == first
    assert deleted["prev_id"] == [first]
    assert deleted["deleted"] is True


def test_device_changes_during_an_outage_arrive_after_it(
    others: OtherServers, clients: ClientFactory
) -> None:
    client = clients.make()
    StoredRoom(creator=client.user_id, members=[FAR])
    others.faults["far.example"] = silence()
    failed("far.example")
    with sending(others):
        for _ in range(3):
            with db.write():
                last = devices.device_list_changed(client.requester.user_nid, "DEVICE")
        wait_until(lambda: is_behind("far.example"))
        others.faults.clear()
        heard("far.example")
        wait_until(lambda: updates(others))
    assert [update["stream_id"] for update in updates(others)] == [last]


def test_messages_to_devices_wait_until_their_server_takes_them(others: OtherServers) -> None:
    StoredRoom(members=[FAR])
    others.faults["far.example"] = silence()
    failed("far.example")
    with sending(others):
        with db.write():
            messages = {"far.example": {FAR: {"D": {"a": 1}}}}
            remote_to_device.queue(remote_to_device.prepare(ALICE, "org.example.note", messages))
        wait_until(lambda: is_behind("far.example"))
        others.faults.clear()
        heard("far.example")
        wait_until(lambda: others.edus("far.example", "m.direct_to_device"))
        wait_until(lambda: db.value("SELECT count(*) FROM outbound_to_device") == 0)
    [content] = others.edus("far.example", "m.direct_to_device")
    assert content["messages"] == {FAR: {"D": {"a": 1}}}
    assert (content["sender"], content["type"]) == (ALICE, "org.example.note")


def test_after_a_long_silence_the_others_are_told_that_this_server_is_back(others: OtherServers) -> None:
    StoredRoom(members=[FAR, NEAR])
    with sending(others):
        pass
    db.execute("UPDATE sender_progress SET seen_ts = %s", (now_ms() - 3_600_000,))
    with sending(others):
        wait_until(lambda: len(others.transactions) == 2)
    assert {name for name, _, _ in others.transactions} == {"far.example", "near.example"}


def test_a_server_that_is_slower_than_its_rooms_is_left_behind() -> None:
    queue = queues.DestinationQueue(1, "far.example")
    for position in range(1, queues.MOST_OWED + 2):
        queue.owe(outbound.OwedEvent(position, 1, position, "m.room.message", 0))
    assert queue.is_full
    queue.delivered(queue.next_batch())
    queue.fall_behind()
    assert (queue.sent, queue.behind, queue.has_work) == (50, True, False)
