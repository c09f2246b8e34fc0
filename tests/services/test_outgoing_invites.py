"""Inviting users of other servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from matrix_app.protocol.errors import RemoteError, RemoteUnreachable
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.protocol.signing import SigningKey, add_event_signature
from matrix_app.services.third_party_invites import exchange
from matrix_app.storage import events, relayed_events
from tests.factories.client import Client, ClientFactory
from tests.factories.present_state import membership_of, room_of
from tests.services.test_third_party_invites import KEY_WITHOUT_URL, sign, valid

BOB = "@bob:remote.example"
_KEY = SigningKey("test", b"\x07" * 32)
Answering = Callable[[str, dict[str, Any]], Any]


class InvitedServer:
    """The server of who is invited, in memory; `answer` says what it does with a path and a body."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.answer: Answering = self.signing

    def reset(self) -> None:
        self.asked.clear()
        self.answer = self.signing

    def request(self, destination: str, method: str, path: str, **options: Any) -> Any:
        self.asked.append((destination, path, options["content"]))
        return self.answer(path, options["content"])

    def signing(self, path: str, body: dict[str, Any]) -> Any:
        if "/v1/" in path:
            return [200, {"event": self.signed(body, "1")}]
        return {"event": self.signed(body["event"], body["room_version"])}

    def signed(self, pdu: dict[str, Any], version: str) -> dict[str, Any]:
        return add_event_signature(pdu, ROOM_VERSIONS[version], "remote.example", _KEY)

    def refusing(self, status: int, errcode: str) -> Answering:
        def refuse(path: str, body: dict[str, Any]) -> Any:
            raise RemoteError("remote.example", status, {"errcode": errcode, "error": "No"})

        return refuse


invited_server = InvitedServer()


@pytest.fixture
def server() -> Iterator[InvitedServer]:
    invited_server.reset()
    with override_settings(REMOTE_SERVERS=f"{__name__}.invited_server"):
        yield invited_server


@pytest.fixture
def alice(clients: ClientFactory) -> Client:
    return clients.make("alice")


@pytest.mark.parametrize("version", ["6", "10", "12"])
def test_an_invite_is_stored_with_the_signature_of_the_invited_server(
    server: InvitedServer, alice: Client, version: str
) -> None:
    room_id = alice.create_room(room_version=version, name="Kitchen")
    assert alice.change(room_id, "invite", user_id=BOB).status == 200
    (destination, path, body) = server.asked[0]
    assert destination == "remote.example"
    assert path.startswith("/_matrix/federation/v2/invite/%21")
    assert body["room_version"] == version
    shown = {pdu["type"]: pdu for pdu in body["invite_room_state"]}
    assert {"m.room.create", "m.room.name", "m.room.member"} <= set(shown)
    assert all("signatures" in pdu for pdu in shown.values())
    assert membership_of(room_id, BOB) == "invite"
    row = alice.get(f"/rooms/{room_id}/state/m.room.member/{BOB}?format=event").body
    stored = events.row_by_id(row["event_id"])
    assert stored is not None
    assert set(events.parse(stored).pdu["signatures"]) == {"hearth.example", "remote.example"}


def test_an_invite_by_its_state_event_is_answered_with_its_id(server: InvitedServer, alice: Client) -> None:
    room_id = alice.create_room()
    answer = alice.set_state(room_id, "m.room.member", {"membership": "invite"}, BOB)
    shown = alice.get(f"/rooms/{room_id}/state/m.room.member/{BOB}?format=event").body
    assert answer.body == {"event_id": shown["event_id"]}


def test_who_is_invited_already_is_not_invited_again(server: InvitedServer, alice: Client) -> None:
    room_id = alice.create_room()
    for _ in range(2):
        assert alice.change(room_id, "invite", user_id=BOB).status == 200
    assert len(server.asked) == 1


def test_old_rooms_fall_back_to_the_first_version(server: InvitedServer, alice: Client) -> None:
    def old(path: str, body: dict[str, Any]) -> Any:
        if "/v2/" in path:
            raise RemoteError("remote.example", 404, {"errcode": "M_UNRECOGNIZED"})
        return server.signing(path, body)

    server.answer = old
    room_id = alice.create_room(room_version="1")
    assert alice.change(room_id, "invite", user_id=BOB).status == 200
    assert membership_of(room_id, BOB) == "invite"
    assert server.asked[1][2]["unsigned"]["invite_room_state"]
    newer = alice.create_room(room_version="10")
    assert alice.change(newer, "invite", user_id=BOB).errcode == "M_UNSUPPORTED_ROOM_VERSION"


def test_who_is_of_a_server_that_does_not_know_the_version_cannot_be_invited(
    server: InvitedServer, alice: Client
) -> None:
    room_id = alice.create_room()
    server.answer = server.refusing(400, "M_INCOMPATIBLE_ROOM_VERSION")
    answer = alice.change(room_id, "invite", user_id=BOB)
    assert (answer.status, answer.errcode) == (400, "M_UNSUPPORTED_ROOM_VERSION")
    assert membership_of(room_id, BOB) is None


def test_what_the_other_server_says_against_it_is_passed_on(server: InvitedServer, alice: Client) -> None:
    server.answer = server.refusing(403, "M_INVITE_BLOCKED")
    room_id = alice.create_room()
    answer = alice.change(room_id, "invite", user_id=BOB)
    assert (answer.status, answer.errcode) == (403, "M_INVITE_BLOCKED")
    assert membership_of(room_id, BOB) != "invite"


@pytest.mark.parametrize("errcode", ["M_INVALID_PARAM", "M_MISSING_PARAM"])
def test_a_client_is_not_blamed_for_an_invite_that_another_server_finds_wrong(
    server: InvitedServer, alice: Client, errcode: str
) -> None:
    def refuse(path: str, body: dict[str, Any]) -> Any:
        raise RemoteError("b.example", 400, {"errcode": errcode, "error": "bad"})

    server.answer = refuse
    answer = alice.change(alice.create_room(), "invite", user_id=BOB)
    assert (answer.status, answer.errcode) == (502, "M_UNKNOWN")


def test_an_invite_that_the_invited_server_has_not_signed_is_not_sent(
    server: InvitedServer, alice: Client
) -> None:
    server.answer = lambda path, body: {"event": body["event"]}
    room_id = alice.create_room()
    assert alice.change(room_id, "invite", user_id=BOB).status == 502
    assert membership_of(room_id, BOB) != "invite"


def test_a_server_that_does_not_answer_gets_nobody_invited(server: InvitedServer, alice: Client) -> None:
    def silent(path: str, body: dict[str, Any]) -> Any:
        raise RemoteUnreachable("no answer")

    server.answer = silent
    assert alice.change(alice.create_room(), "invite", user_id=BOB).status == 502


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"event": None}, {"event": {}}, {"event": {"type": "m.room.member"}}],
)
def test_nonsense_in_return_is_an_error(server: InvitedServer, alice: Client, answer: Any) -> None:
    server.answer = lambda path, body: answer
    room_id = alice.create_room()
    assert 400 <= alice.change(room_id, "invite", user_id=BOB).status < 600
    assert membership_of(room_id, BOB) != "invite"


def test_another_event_in_return_is_an_error(server: InvitedServer, alice: Client) -> None:
    def changed(path: str, body: dict[str, Any]) -> Any:
        return {"event": server.signed({**body["event"], "depth": 99}, body["room_version"])}

    server.answer = changed
    assert alice.change(alice.create_room(), "invite", user_id=BOB).status == 502


def test_who_may_not_invite_asks_nobody(server: InvitedServer, alice: Client, clients: ClientFactory) -> None:
    room_id = alice.create_room(power_level_content_override={"invite": 50}, preset="public_chat")
    zoe = clients.make("zoe")
    zoe.change(room_id, "join")
    assert zoe.change(room_id, "invite", user_id=BOB).status == 403
    assert server.asked == []


def test_a_third_party_invite_becomes_one_of_a_user_of_another_server(
    server: InvitedServer, alice: Client
) -> None:
    room_id = alice.create_room()
    content = {"display_name": "b...", **KEY_WITHOUT_URL, "key_validity_url": "https://id.example/v"}
    assert alice.set_state(room_id, "m.room.third_party_invite", content, "t").status == 200
    signed = sign(alice, mxid=BOB)
    event = exchange(room_of(room_id), BOB, signed, sender=alice.user_id, is_valid=valid)
    assert len(server.asked) == 1
    assert membership_of(room_id, BOB) == "invite"
    row = events.row_by_id(event.event_id)
    assert row is not None
    # Its sender is of this server, which sends it anyway.
    assert relayed_events.among([row.nid]) == set()
