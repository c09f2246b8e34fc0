"""Rooms whose events a policy server has to sign."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from matrix_app.federation.inbound import background
from matrix_app.federation.inbound.peers import use_peers
from matrix_app.federation.inbound.transaction import receive_transaction
from matrix_app.protocol.errors import RemoteError, RemoteUnreachable
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.protocol.signing import SigningKey, add_event_signature
from matrix_app.protocol.unpadded_base64 import encode_base64
from matrix_app.storage import events, rooms
from matrix_app.storage.events import EventRow, Status
from tests.factories.client import Client, ClientFactory
from tests.factories.fake_peers import FakePeers, SignedRoom
from tests.factories.present_state import membership_of, room_of
from tests.factories.remote_rooms import JoinedRoom, row_of
from tests.factories.tasks import run_tasks
from tests.factories.visiting_server import VisitingServer

PS = "policy.example"
ALICE, BOB = "@alice:a.example", "@bob:b.example"
RULES = ROOM_VERSIONS["11"]
_KEY = SigningKey("policy_server", b"\x09" * 32)
_OTHER_KEY = SigningKey("policy_server", b"\x0a" * 32)
CONTENT = {"via": PS, "public_keys": {"ed25519": encode_base64(_KEY.verify_key)}}


def _signature(pdu: dict[str, Any], key: SigningKey = _KEY) -> dict[str, Any]:
    return {PS: {key.key_id: add_event_signature(pdu, RULES, PS, key)["signatures"][PS][key.key_id]}}


class PolicyServer:
    """A policy server in memory; `answer` says what it does with an event."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.invites: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], Any] = _signature
        # What a server makes of an invite of its user, where it is not that it signs.
        self.invited: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def request(self, destination: str, method: str, path: str, **options: Any) -> Any:
        if "/invite/" in path:
            self.invites.append(options["content"]["event"])
            signed = self.invited or (lambda pdu: add_event_signature(pdu, RULES, destination, _OTHER_KEY))
            return {"event": signed(self.invites[-1])}
        assert (destination, method, path) == (PS, "POST", "/_matrix/policy/v1/sign")
        assert options["timeout"] <= 10
        self.asked.append(options["content"])
        return self.answer(options["content"])

    def refusing(self, status: int, content: dict[str, Any]) -> None:
        def refuse(_pdu: dict[str, Any]) -> Any:
            raise RemoteError(PS, status, content)

        self.answer = refuse


policy_server = PolicyServer()


@pytest.fixture
def policy() -> Iterator[PolicyServer]:
    policy_server.reset()
    with override_settings(REMOTE_SERVERS=f"{__name__}.policy_server"):
        yield policy_server


@pytest.fixture
def alice(clients: ClientFactory) -> Client:
    return clients.make("alice")


def _room(client: Client, content: dict[str, Any] | None = None) -> str:
    """A room that a user of the policy server is in, and which says that it is one."""
    room_id = client.create_room(room_version="11", preset="public_chat")
    visitor = VisitingServer(PS)
    visitor.join(room_id, visitor.user("guard"))
    assert client.set_state(room_id, "m.room.policy", CONTENT if content is None else content).status == 200
    return room_id


def _stored(event_id: str) -> Event:
    row = events.row_by_id(event_id)
    assert row is not None
    return events.parse(row)


def _latest(room_id: str) -> str:
    [extremity] = _head(room_id)
    return extremity


def _head(room_id: str) -> set[str]:
    return {extremity.event_id for extremity in rooms.head(room_of(room_id).nid).extremities}


def test_an_event_is_sent_with_the_signature_of_the_policy_server(
    policy: PolicyServer, alice: Client
) -> None:
    room_id = _room(alice)
    answer = alice.send(room_id)
    assert answer.status == 200
    assert [pdu["type"] for pdu in policy.asked] == ["m.room.message"]
    signatures = _stored(answer.body["event_id"]).pdu["signatures"]
    assert set(signatures) == {"hearth.example", PS}
    assert list(signatures[PS]) == ["ed25519:policy_server"]
    assert _latest(room_id) == answer.body["event_id"]


def test_state_and_memberships_are_checked_too(policy: PolicyServer, alice: Client) -> None:
    room_id = _room(alice)
    assert alice.set_state(room_id, "m.room.topic", {"topic": "weather"}).status == 200
    assert alice.set_state(room_id, "m.room.policy", {"via": "x"}, "other").status == 200
    assert alice.change(room_id, "leave").status == 200
    assert [pdu["type"] for pdu in policy.asked] == ["m.room.topic", "m.room.policy", "m.room.member"]


def test_what_the_policy_server_says_against_an_event_is_told_and_nothing_is_stored(
    policy: PolicyServer, alice: Client
) -> None:
    room_id = _room(alice)
    before = _head(room_id)
    policy.refusing(400, {"errcode": "M_FORBIDDEN", "error": "Looks like spam"})
    answer = alice.send(room_id)
    assert (answer.status, answer.body["errcode"]) == (400, "M_FORBIDDEN")
    assert answer.body["error"] == "Looks like spam"
    assert _head(room_id) == before


def test_a_policy_server_that_is_asked_too_much_says_how_long_to_wait(
    policy: PolicyServer, alice: Client
) -> None:
    room_id = _room(alice)
    policy.refusing(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1234})
    answer = alice.send(room_id)
    assert (answer.status, answer.body["retry_after_ms"]) == (429, 1234)


def test_without_an_answer_nothing_is_sent(policy: PolicyServer, alice: Client) -> None:
    def silent(_pdu: dict[str, Any]) -> Any:
        raise RemoteUnreachable("no answer")

    room_id = _room(alice)
    before = _head(room_id)
    policy.answer = silent
    assert alice.send(room_id).status == 502
    assert _head(room_id) == before


@pytest.mark.parametrize(
    "answer",
    [
        lambda pdu: _signature(pdu, _OTHER_KEY),
        lambda pdu: {PS: {"ed25519:other": _signature(pdu)[PS][_KEY.key_id]}},
        lambda pdu: {PS: {_KEY.key_id: "garbage"}},
        lambda _pdu: {PS: []},
        lambda _pdu: [],
        lambda _pdu: {},
    ],
)
def test_an_answer_that_is_no_valid_signature_is_none(
    policy: PolicyServer, alice: Client, answer: Callable[[dict[str, Any]], Any]
) -> None:
    room_id = _room(alice)
    before = _head(room_id)
    policy.answer = answer
    assert alice.send(room_id).status == 502
    assert _head(room_id) == before


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"via": PS},
        {"public_keys": CONTENT["public_keys"]},
        {"via": PS, "public_keys": {}},
        {"via": PS, "public_keys": {"ed25519": 1}},
        {"via": 7, "public_keys": CONTENT["public_keys"]},
        {"via": "nobody.example", "public_keys": CONTENT["public_keys"]},
    ],
)
def test_a_room_without_a_valid_policy_has_no_policy_server(
    policy: PolicyServer, alice: Client, content: dict[str, Any]
) -> None:
    room_id = _room(alice, content)
    assert alice.send(room_id).status == 200
    assert policy.asked == []


def test_a_policy_server_that_has_left_is_none_any_more(policy: PolicyServer, alice: Client) -> None:
    room_id = _room(alice)
    assert alice.change(room_id, "kick", user_id=f"@guard:{PS}").status == 200
    assert alice.send(room_id).status == 200
    assert [pdu["type"] for pdu in policy.asked] == ["m.room.member"]


def test_a_policy_is_ended_without_asking_its_server(policy: PolicyServer, alice: Client) -> None:
    room_id = _room(alice)
    policy.refusing(400, {"errcode": "M_FORBIDDEN", "error": "No"})
    assert alice.set_state(room_id, "m.room.policy", {}).status == 200
    assert alice.send(room_id).status == 200
    assert policy.asked == []


def test_a_repeated_transaction_is_one_event(policy: PolicyServer, alice: Client) -> None:
    room_id = _room(alice)
    first = alice.send(room_id, txn_id="same")
    assert alice.send(room_id, txn_id="same").body == first.body
    assert len(policy.asked) == 1


def test_a_request_that_is_repeated_while_the_policy_server_thinks_is_one_event(
    policy: PolicyServer, alice: Client
) -> None:
    room_id = _room(alice)
    thinking, go_on = threading.Event(), threading.Event()

    def think(pdu: dict[str, Any]) -> Any:
        thinking.set()
        assert go_on.wait(10)
        return _signature(pdu)

    policy.answer = think
    answers: list[Any] = []

    def send() -> None:
        answers.append(alice.send(room_id, txn_id="same").body["event_id"])
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    threads[0].start()
    assert thinking.wait(10)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 2
    assert len(set(answers)) == 1
    assert len(policy.asked) == 1


def test_the_room_goes_on_while_the_policy_server_thinks(
    policy: PolicyServer, alice: Client, clients: ClientFactory
) -> None:
    room_id = _room(alice)
    bob = clients.make("bob")
    assert bob.change(room_id, "join").status == 200
    sent: list[str] = []

    def think(pdu: dict[str, Any]) -> Any:
        policy.answer = _signature
        sent.append(bob.send(room_id, "meanwhile").body["event_id"])
        return _signature(pdu)

    policy.answer = think
    answer = alice.send(room_id)
    assert answer.status == 200
    assert _head(room_id) == {answer.body["event_id"], *sent}
    last = bob.send(room_id, "after")
    assert set(_stored(last.body["event_id"]).prev_event_ids) == {answer.body["event_id"], *sent}


def test_who_is_banned_while_the_policy_server_thinks_sends_nothing(
    policy: PolicyServer, alice: Client, clients: ClientFactory
) -> None:
    room_id = _room(alice)
    bob = clients.make("bob")
    assert bob.change(room_id, "join").status == 200

    def think(pdu: dict[str, Any]) -> Any:
        policy.answer = _signature
        assert alice.change(room_id, "ban", user_id=bob.user_id).status == 200
        return _signature(pdu)

    policy.answer = think
    answer = bob.send(room_id)
    assert (answer.status, answer.body["errcode"]) == (403, "M_FORBIDDEN")
    assert _stored(_latest(room_id)).type == "m.room.member"


def test_an_invite_is_signed_by_the_policy_server_before_another_server_gets_it(
    policy: PolicyServer, alice: Client
) -> None:
    room_id = _room(alice)
    assert alice.change(room_id, "invite", user_id="@bob:remote.example").status == 200
    assert [set(pdu["signatures"]) for pdu in policy.invites] == [{"hearth.example", PS}]
    assert set(_stored(_latest(room_id)).pdu["signatures"]) == {"hearth.example", "remote.example", PS}


def test_an_invite_to_the_policy_server_keeps_its_signature_as_that(
    policy: PolicyServer, alice: Client
) -> None:
    room_id = _room(alice)
    key = SigningKey("own", b"\x0b" * 32)
    policy.invited = lambda pdu: add_event_signature({**pdu, "signatures": {}}, RULES, PS, key)
    guest = f"@guest:{PS}"
    assert alice.change(room_id, "invite", user_id=guest).status == 200
    assert membership_of(room_id, guest) == "invite"
    signatures = _stored(_latest(room_id)).pdu["signatures"]
    assert {name: set(found) for name, found in signatures.items()}[PS] == {_KEY.key_id, key.key_id}


def test_a_join_of_another_server_is_signed_when_it_is_handed_in(policy: PolicyServer, alice: Client) -> None:
    room_id = _room(alice)
    visitor = VisitingServer()
    visitor.join(room_id, visitor.user("bob"))
    assert membership_of(room_id, visitor.user("bob")) == "join"
    assert set(_stored(_latest(room_id)).pdu["signatures"]) == {visitor.name, PS}


def test_a_join_that_the_policy_server_refuses_is_refused(policy: PolicyServer, alice: Client) -> None:
    room_id = _room(alice)
    policy.refusing(400, {"errcode": "M_FORBIDDEN", "error": "No"})
    visitor = VisitingServer()
    answer = visitor.hand_in(visitor.draft("join", room_id, visitor.user("bob")))
    assert (answer.status, answer.body["errcode"]) == (403, "M_FORBIDDEN")
    assert membership_of(room_id, visitor.user("bob")) != "join"


class Remote:
    """A room of other servers that has a policy server, and what they send to this one."""

    def __init__(self) -> None:
        self.room = SignedRoom.opened("11")
        assert isinstance(self.room, SignedRoom)
        for user in (BOB, f"@guard:{PS}"):
            self.room.join(user)
        self.room.send("m.room.policy", ALICE, CONTENT, state_key="")
        self.here = JoinedRoom(self.room)
        self.peers = FakePeers(self.room)
        self._serial = 0

    def signed(self, event: Event, key: SigningKey = _KEY) -> dict[str, Any]:
        """The event with the signature of the policy server."""
        theirs = {**event.pdu["signatures"].get(PS, {}), **_signature(event.pdu, key)[PS]}
        return {**event.pdu, "signatures": {**event.pdu["signatures"], PS: theirs}}

    def put(self, *pdus: dict[str, Any], origin: str = "b.example") -> None:
        """Send a transaction; returns once everything has been worked off."""
        self._serial += 1
        with use_peers(self.peers):
            receive_transaction(origin, str(self._serial), {"pdus": list(pdus)})
            background.finish()
            run_tasks()


@pytest.fixture
def remote(transactional_db: None, policy: PolicyServer) -> Remote:
    return Remote()


def _status(event: Event) -> tuple[int, bool]:
    """What became of an event, and whether clients see it."""
    row: EventRow = row_of(event)
    return row.status, row.position is not None


def test_a_received_event_that_is_signed_needs_no_asking(remote: Remote, policy: PolicyServer) -> None:
    first, second = remote.room.message(BOB), remote.room.message(BOB)
    remote.put(remote.signed(first), remote.signed(second))
    assert [_status(event) for event in (first, second)] == [(Status.NORMAL, True)] * 2
    assert policy.asked == []


def test_a_received_event_that_is_not_signed_is_asked_about(remote: Remote, policy: PolicyServer) -> None:
    event = remote.room.message(BOB)
    remote.put(event.pdu)
    assert _status(event) == (Status.NORMAL, True)
    assert policy.asked == [event.pdu]
    assert set(_stored(event.event_id).pdu["signatures"]) == {"b.example", PS}


def test_an_event_signed_with_an_old_key_is_asked_about(remote: Remote, policy: PolicyServer) -> None:
    event = remote.room.message(BOB)
    remote.put(remote.signed(event, _OTHER_KEY))
    assert _status(event) == (Status.NORMAL, True)
    assert len(policy.asked) == 1


def test_a_received_event_that_is_refused_is_soft_failed(remote: Remote, policy: PolicyServer) -> None:
    policy.refusing(400, {"errcode": "M_FORBIDDEN", "error": "No"})
    event = remote.room.message(BOB)
    remote.put(event.pdu)
    assert _status(event) == (Status.SOFT_FAILED, False)
    after = remote.room.message(BOB, "after")
    remote.put(remote.signed(after))
    assert _status(after) == (Status.NORMAL, True)


def test_a_received_event_is_soft_failed_when_the_policy_server_is_gone(
    remote: Remote, policy: PolicyServer
) -> None:
    def silent(_pdu: dict[str, Any]) -> Any:
        raise RemoteUnreachable("no answer")

    policy.answer = silent
    event = remote.room.message(BOB)
    remote.put(event.pdu)
    assert _status(event) == (Status.SOFT_FAILED, False)


def test_an_event_that_the_room_refuses_is_not_asked_about(remote: Remote, policy: PolicyServer) -> None:
    event = remote.room.make("m.room.topic", BOB, {"topic": "mine"}, state_key="")
    remote.put(event.pdu)
    assert _status(event) == (Status.REJECTED, False)
    assert policy.asked == []


def test_events_of_the_policy_server_keep_the_signature_of_its_server_key(
    remote: Remote, policy: PolicyServer
) -> None:
    event = remote.room.message(f"@guard:{PS}")
    remote.put(event.pdu, origin=PS)
    assert _status(event) == (Status.NORMAL, True)
    assert set(_stored(event.event_id).pdu["signatures"][PS]) == {"ed25519:test", "ed25519:policy_server"}


def test_the_end_of_a_policy_needs_no_signature(remote: Remote, policy: PolicyServer) -> None:
    policy.refusing(400, {"errcode": "M_FORBIDDEN", "error": "No"})
    ended = remote.room.send("m.room.policy", ALICE, {}, state_key="")
    after = remote.room.message(BOB)
    remote.put(ended.pdu, origin="a.example")
    remote.put(after.pdu)
    assert [_status(event) for event in (ended, after)] == [(Status.NORMAL, True)] * 2
    assert policy.asked == []
