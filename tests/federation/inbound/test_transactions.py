"""Transactions of other servers: what is taken in, what is refused, and what becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from matrix_app.federation.inbound import background, refusals
from matrix_app.federation.inbound.asking import fill_all
from matrix_app.federation.inbound.peers import use_peers
from matrix_app.federation.inbound.transaction import receive_transaction
from matrix_app.protocol.errors import BadJson, InvalidParam
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.services.room_lock import room_locked
from matrix_app.storage import db, events, relations, staging, summaries
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import Status
from matrix_app.storage.staging import StagedRow
from tests.factories.events import ALICE, BOB, CAROL
from tests.factories.fake_peers import FakePeers, SignedRoom
from tests.factories.remote_rooms import JoinedRoom, row_of, snapshot_is_present_state
from tests.factories.statements import recorded
from tests.factories.tasks import run_tasks

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = ("m.room.topic", "")


class Remote:
    """A room of other servers, and what they send to this one."""

    def __init__(self, version: str = "10") -> None:
        self.room = SignedRoom.opened(version, power_levels={"users": {BOB: 50}})
        assert isinstance(self.room, SignedRoom)
        self.room.join(BOB)
        self.room.join(CAROL)
        self.here = JoinedRoom(self.room)
        self.peers = FakePeers(self.room)
        self._serial = 0

    def put(
        self,
        *pdus: Any,
        origin: str = "b.example",
        txn_id: str | None = None,
        body_origin: str | None = None,
        **body: Any,
    ) -> Any:
        """Send a transaction; its answer once everything has been worked off."""
        self._serial += 1
        if body_origin is not None:
            body["origin"] = body_origin
        known = [pdu.pdu if isinstance(pdu, Event) else pdu for pdu in pdus]
        with use_peers(self.peers):
            answer = receive_transaction(origin, txn_id or str(self._serial), {"pdus": known, **body})
            background.finish()
            run_tasks()
        return orjson.loads(answer)["pdus"]

    def waiting(self) -> int:
        """How many events have not been judged yet."""
        count = db.value("SELECT count(*) FROM staged_pdu")
        assert isinstance(count, int)
        return count


@pytest.fixture
def remote() -> Iterator[Remote]:
    yield Remote()
    background.finish()


@pytest.mark.parametrize("version", ["1", "2", "3", "6", "10", "11", "12"])
def test_an_event_is_answered_at_once_and_then_shown(version: str) -> None:
    remote = Remote(version)
    message = remote.room.message(BOB)
    assert remote.put(message) == {message.event_id: {}}
    assert row_of(message).position is not None
    assert remote.waiting() == 0


def test_a_transaction_that_comes_again_is_answered_as_before(remote: Remote) -> None:
    message = remote.room.message(BOB)
    first = remote.put(message, txn_id="same")
    position = row_of(message).position
    assert remote.put(remote.room.message(BOB), txn_id="same") == first
    remote.put(message, txn_id="other")
    assert row_of(message).position == position


def test_a_transaction_has_limits(remote: Remote) -> None:
    message = remote.room.message(BOB)
    with pytest.raises(BadJson):
        remote.put(*[message] * 51)
    with pytest.raises(BadJson):
        remote.put(edus=[{}] * 101)


def test_events_in_one_transaction_may_come_in_any_order(remote: Remote) -> None:
    sent = [remote.room.message(BOB, str(number)) for number in range(5)]
    remote.put(*reversed(sent))
    assert [row_of(event).status for event in sent] == [Status.NORMAL] * 5
    assert remote.here.extremities() == {sent[-1].event_id}
    assert remote.peers.asked == []


def test_what_is_malformed_or_of_a_room_nobody_is_in_is_refused_alone(remote: Remote) -> None:
    message = remote.room.message(BOB)
    stranger = SignedRoom.opened("10").message(ALICE)
    before = refusals.counts().get("pdu", 0)
    answer = remote.put(message, stranger, {"room_id": remote.room.room_id}, "nothing", {"room_id": 7})
    assert answer[message.event_id] == {}
    assert events.row_by_id(stranger.event_id) is None
    assert refusals.counts()["pdu"] == before + 4


def test_an_event_of_another_server_is_taken_from_servers_in_the_room_only(remote: Remote) -> None:
    message = remote.room.message(BOB)
    assert "error" in remote.put(message, origin="d.example")[message.event_id]
    assert events.row_by_id(message.event_id) is None
    remote.put(message, origin="c.example")
    assert row_of(message).status == Status.NORMAL


def test_a_server_that_the_room_keeps_out_sends_nothing(remote: Remote) -> None:
    acl = remote.room.send("m.room.server_acl", ALICE, {"allow": ["*"], "deny": ["b.example"]}, state_key="")
    remote.put(acl, origin="a.example")
    message = remote.room.message(BOB)
    assert "error" in remote.put(message)[message.event_id]
    assert events.row_by_id(message.event_id) is None


@pytest.mark.parametrize("signatures", [{}, {"b.example": {"ed25519:test": "A" * 86}}])
def test_an_event_with_a_wrong_signature_is_dropped_and_its_server_told(
    remote: Remote, signatures: dict[str, Any]
) -> None:
    message = remote.room.message(BOB)
    answer = remote.put({**message.pdu, "signatures": signatures})
    assert "sign" in answer[message.event_id]["error"]
    assert events.row_by_id(message.event_id) is None
    assert remote.waiting() == 0


def test_where_a_key_has_to_be_asked_for_nobody_waits_for_it(remote: Remote) -> None:
    message = remote.room.message(BOB)
    remote.peers.strangers.add("b.example")
    assert remote.put(message) == {message.event_id: {}}


@pytest.mark.parametrize("version", ["1", "3", "6", "11", "12"])
def test_a_server_is_told_by_its_id_of_each_event_that_is_malformed(version: str) -> None:
    remote = Remote(version)
    message = remote.room.message(BOB)
    for changes in ({"depth": "7"}, {"origin_server_ts": None}, {"content": {"body": "x" * 66_000}}):
        pdu = {**message.pdu, **changes}
        event_id = event_id_of(pdu, remote.room.rules)
        answer = remote.put(pdu, {"type": 1, "room_id": remote.room.room_id})
        assert list(answer) == [event_id]
        assert answer[event_id]["error"]


def test_a_transaction_in_the_name_of_another_server_is_refused(remote: Remote) -> None:
    message = remote.room.message(BOB)
    with pytest.raises(InvalidParam):
        remote.put(message, body_origin="c.example")
    assert events.row_by_id(message.event_id) is None
    assert remote.put(message, body_origin="b.example") == {message.event_id: {}}


def test_an_event_with_other_content_than_was_hashed_is_redacted(remote: Remote) -> None:
    message = remote.room.message(BOB)
    remote.put({**message.pdu, "content": {"body": "forged"}})
    assert events.parse(row_of(message)).content == {}


def test_what_others_say_in_unsigned_is_not_kept(remote: Remote) -> None:
    message = remote.room.message(BOB)
    remote.put({**message.pdu, "unsigned": {"redacted_because": {}}})
    assert "unsigned" not in events.parse(row_of(message)).pdu


def test_missing_events_are_asked_for(remote: Remote) -> None:
    missing = [remote.room.message(BOB, str(number)) for number in range(3)]
    last = remote.room.message(BOB)
    remote.peers.learn(*missing, last)
    remote.put(last)
    assert [row_of(event).position is not None for event in (*missing, last)] == [True] * 4
    assert remote.peers.asked == ["get_missing_events"]
    assert remote.here.extremities() == {last.event_id}


def test_an_event_whose_predecessors_its_server_does_not_give_is_dropped(remote: Remote) -> None:
    missing = remote.room.message(BOB)
    last = remote.room.message(BOB)
    remote.peers.learn(missing, last)
    remote.peers.hidden.add(missing.event_id)
    remote.put(last)
    assert events.row_by_id(last.event_id) is None
    assert remote.peers.asked == ["get_missing_events"]
    assert remote.waiting() == 0


def test_behind_a_large_gap_the_state_is_asked_for(remote: Remote) -> None:
    topic = remote.room.send("m.room.topic", BOB, {"topic": "in the gap"}, state_key="")
    missing = [remote.room.message(BOB, str(number)) for number in range(30)]
    last = remote.room.message(BOB)
    remote.peers.learn(topic, *missing, last)
    remote.put(last)
    assert row_of(last).status == Status.NORMAL
    assert remote.here.state()[TOPIC] == topic.event_id
    assert row_of(missing[-1]).position is not None
    assert events.row_by_id(missing[0].event_id) is None
    assert "state_ids" in remote.peers.asked


def test_an_event_waits_for_a_server_that_does_not_answer(remote: Remote) -> None:
    missing = remote.room.message(BOB)
    last = remote.room.message(BOB)
    remote.peers.learn(missing, last)
    remote.peers.silent = True
    remote.put(last)
    assert remote.waiting() == 1
    assert staging.to_ask(now_ms(), 5) == []
    [asking] = staging.to_ask(now_ms() + 3_600_000, 5)
    with db.write():
        found = staging.claim(asking, now_ms() + 3_600_000, 0, 5)
    assert [row.attempts for row in found] == [1]


def test_an_event_that_one_server_cannot_complete_is_completed_by_another_that_sent_it(
    remote: Remote,
) -> None:
    missing = remote.room.message(BOB)
    last = remote.room.message(BOB)
    remote.peers.learn(missing, last)
    remote.peers.silent = True
    remote.put(last, origin="c.example")
    remote.peers.silent = False
    remote.put(last)
    assert row_of(last).status == Status.NORMAL
    assert [row.origin for row in _waiting_later()] == ["c.example"]
    _ask_later(remote)
    assert remote.waiting() == 0


def test_a_forged_copy_of_an_event_does_not_keep_the_true_one_out(remote: Remote) -> None:
    missing = remote.room.message(BOB)
    message = remote.room.message(BOB)
    remote.peers.learn(missing, message)
    remote.peers.silent = True
    remote.put({**message.pdu, "signatures": {"b.example": {"ed25519:test": "A" * 86}}}, origin="c.example")
    remote.put(message)
    remote.peers.silent = False
    _ask_later(remote)
    assert row_of(message).status == Status.NORMAL


def test_an_event_waits_for_the_keys_of_its_server(remote: Remote) -> None:
    message = remote.room.message(BOB)
    remote.peers.strangers.add("b.example")
    remote.put(message, origin="c.example")
    assert (events.row_by_id(message.event_id), remote.waiting()) == (None, 1)
    remote.peers.strangers.clear()
    _ask_later(remote)
    assert row_of(message).status == Status.NORMAL


def test_a_server_that_does_not_answer_is_asked_once_for_all_that_it_sent(remote: Remote) -> None:
    sent = []
    for number in range(5):
        fork = remote.room.fork()
        missing = fork.message(BOB, str(number))
        sent.append(fork.message(BOB))
        remote.peers.learn(missing, sent[-1])
    remote.peers.silent = True
    remote.put(*sent)
    assert remote.peers.asked == ["get_missing_events"]
    assert remote.waiting() == 5


def _waiting_later() -> list[StagedRow]:
    with db.write():
        return [
            row
            for asking in staging.to_ask(now_ms() + 3_600_000, 10)
            for row in staging.claim(asking, now_ms() + 3_600_000, now_ms() + 1000, 10)
        ]


def _ask_later(remote: Remote) -> None:
    """What rests is due, and asked for."""
    db.execute("UPDATE staged_pdu SET retry_ts = 0")
    with use_peers(remote.peers):
        fill_all()


def test_messages_to_devices_are_delivered_before_a_transaction_counts_as_received(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = {
        "sender": BOB,
        "type": "n",
        "message_id": "1",
        "messages": {"@zoe:hearth.example": {"D": {"a": 1}}},
    }
    edus = [{"edu_type": "m.direct_to_device", "content": note}]

    def killed(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(staging, "put_transaction", killed)
        with pytest.raises(KeyboardInterrupt):
            remote.put(txn_id="same", edus=edus)
    sql = "SELECT count(*) FROM received_device_message"
    assert db.value(sql) == 1
    remote.put(txn_id="same", edus=edus)
    assert db.value(sql) == 1


def test_a_burst_of_messages_is_stored_in_one_transaction(remote: Remote) -> None:
    remote.put(remote.room.message(BOB))
    sent = [remote.room.message(BOB, str(number)) for number in range(20)]
    with recorded() as statements:
        remote.put(*sent)
    assert [row_of(event).status for event in sent] == [Status.NORMAL] * 20
    positions = [row_of(event).position or 0 for event in sent]
    assert positions == list(range(positions[0], positions[0] + 20))
    assert sum(sql.startswith("UPDATE room ") for sql, _ in statements) == 1


def test_what_plainly_continues_a_room_is_stored_with_its_answer(remote: Remote) -> None:
    sent = [remote.room.message(BOB, str(number)) for number in range(3)]
    with recorded() as statements:
        remote.put(*sent)
    assert row_of(sent[-1]).position is not None
    assert not any(sql.startswith("INSERT INTO staged_pdu") for sql, _ in statements)


def test_what_finds_its_room_busy_is_answered_at_once_and_stored_later(remote: Remote) -> None:
    held, done = threading.Event(), threading.Event()

    def occupy() -> None:
        with room_locked(remote.here.identity.nid):
            held.set()
            assert done.wait(10)

    busy = threading.Thread(target=occupy)
    busy.start()
    assert held.wait(10)
    message = remote.room.message(BOB)
    with use_peers(remote.peers):
        receive_transaction("b.example", "busy", {"pdus": [message.pdu]})
        assert events.row_by_id(message.event_id) is None
        done.set()
        busy.join()
        background.finish()
    assert row_of(message).status == Status.NORMAL


def test_what_ends_a_line_is_stored_behind_it(remote: Remote) -> None:
    first = remote.room.message(BOB)
    fork = remote.room.fork()
    topic = remote.room.send("m.room.topic", BOB, {"topic": "new"}, state_key="")
    after = remote.room.message(CAROL)
    redaction = remote.room.send("m.room.redaction", BOB, {}, redacts=first.event_id)
    aside = fork.message(CAROL, "aside")
    remote.put(first, topic, after, redaction, aside)
    assert [row_of(event).status for event in (first, topic, after, redaction, aside)] == [Status.NORMAL] * 5
    assert row_of(first).redacted_by_nid == row_of(redaction).nid
    assert remote.here.state()[TOPIC] == topic.event_id
    assert remote.here.extremities() == {redaction.event_id, aside.event_id}


def test_replies_in_a_thread_are_counted_when_they_come_together(remote: Remote) -> None:
    root = remote.room.message(BOB, "root")
    thread = {"m.relates_to": {"rel_type": "m.thread", "event_id": root.event_id}}
    replies = [remote.room.send("m.room.message", BOB, {"body": str(n), **thread}) for n in range(3)]
    remote.put(root, *replies)
    found = relations.thread(row_of(root).nid)
    assert found is not None
    assert (found.reply_count, found.latest_nid) == (3, row_of(replies[-1]).nid)


def test_a_gap_keeps_no_other_event_of_the_room_waiting(remote: Remote) -> None:
    fork = remote.room.fork()
    missing = remote.room.message(BOB)
    last = remote.room.message(BOB)
    remote.peers.learn(missing, last)
    remote.peers.silent = True
    other = fork.message(CAROL)
    remote.put(last)
    remote.put(other, origin="c.example")
    assert row_of(other).status == Status.NORMAL
    assert remote.waiting() == 1


def test_rejected_and_soft_failed_events_are_no_error_to_the_sender(remote: Remote) -> None:
    evading = remote.room.fork()
    ban = remote.room.ban(ALICE, BOB)
    remote.put(ban, origin="a.example")
    soft = evading.message(BOB)
    rejected = remote.room.make("m.room.topic", CAROL, {"topic": "mine"}, state_key="")
    assert remote.put(soft) == {soft.event_id: {}}
    assert remote.put(rejected, origin="c.example") == {rejected.event_id: {}}
    assert row_of(soft).status == Status.SOFT_FAILED
    assert row_of(rejected).status == Status.REJECTED
    assert TOPIC not in remote.here.state()


NOBODIES = ("nobody", "@nobody", "", "@nobody:", "@nobody:no server", "#alias:b.example")


@pytest.mark.parametrize("version", ["1", "6", "12"])
@pytest.mark.parametrize("state_key", NOBODIES)
def test_a_membership_of_nobody_keeps_nothing_that_follows_on_it(version: str, state_key: str) -> None:
    remote = Remote(version)
    sent = [
        remote.room.member(BOB, state_key, what) for what in ("invite", "leave", "ban", "leave", "invite")
    ]
    after = remote.room.message(BOB)
    remote.put(*sent, after)
    assert [row_of(event).status for event in (*sent, after)] == [Status.NORMAL] * 6
    assert remote.waiting() == 0
    assert remote.here.state()["m.room.member", state_key] == sent[-1].event_id
    assert snapshot_is_present_state(remote.here.identity)
    assert summaries.get(remote.here.identity.nid).invited_members == 0
