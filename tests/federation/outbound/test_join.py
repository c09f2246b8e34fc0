"""Joining rooms that other servers are in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from matrix_app.federation.inbound.peers import use_peers
from matrix_app.protocol.errors import RemoteError, RemoteUnreachable
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.services.received_invites import accept_invite
from matrix_app.storage import rooms, state
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.events import ALICE, BOB, CAROL
from tests.factories.fake_peers import SignedRoom
from tests.factories.remote_rooms import named
from tests.factories.resident_servers import ResidentServers
from tests.factories.signed_events import make_signed_event
from tests.factories.syncing import sync

VERSIONS = ("1", "2", "3", "6", "8", "10", "11", "12")


class Elsewhere:
    """A room of other servers, and clients here that would like to be in it."""

    def __init__(self, clients: ClientFactory, version: str = "12", join_rule: str = "public") -> None:
        room = SignedRoom.opened(version, join_rule="public")
        assert isinstance(room, SignedRoom)
        self.room = room
        room.join(BOB)
        room.join(CAROL)
        room.message(BOB, "before")
        if join_rule != "public":
            room.set_join_rule(join_rule)
        self.room_id = str(room.room_id)
        self.servers = ResidentServers(room)
        self.clients = clients
        self.client = clients.make()

    def join(self, *via: str, client: Client | None = None, **body: Any) -> Answer:
        query = "&".join(f"via={name}" for name in via or ("a.example",))
        return (client or self.client).post(f"/join/{self.room_id}?{query}", body)

    def joined_state(self) -> bool:
        """Whether this server's state is that of the others."""
        room = rooms.find(self.room_id)
        assert room is not None
        theirs = {pair: event.event_id for pair, event in self.room.state.items()}
        return named(state.current_full(room.nid)) == theirs

    def version(self) -> str:
        """The version that the room has here."""
        room = rooms.find(self.room_id)
        assert room is not None
        return room.rules.identifier


@pytest.fixture
def elsewhere(clients: ClientFactory) -> Iterator[Elsewhere]:
    made = Elsewhere(clients)
    with use_peers(made.servers):
        yield made


@pytest.mark.parametrize("version", VERSIONS)
def test_a_user_joins_a_room_elsewhere(clients: ClientFactory, version: str) -> None:
    elsewhere = Elsewhere(clients, version)
    with use_peers(elsewhere.servers):
        answer = elsewhere.join()
    assert (answer.status, answer.body) == (200, {"room_id": elsewhere.room_id})
    assert elsewhere.joined_state()
    members = elsewhere.client.get(f"/rooms/{elsewhere.room_id}/joined_members").body["joined"]
    assert set(members) == {ALICE, BOB, CAROL, elsewhere.client.user_id}


def test_the_event_has_what_the_client_wants_in_it_and_the_name_of_the_user(elsewhere: Elsewhere) -> None:
    elsewhere.client.put(f"/profile/{elsewhere.client.user_id}/displayname", {"displayname": "Zoe"})
    elsewhere.join(reason="curious")
    [event] = elsewhere.servers.handed_in
    assert event.content == {"membership": "join", "displayname": "Zoe", "reason": "curious"}


def test_a_room_of_a_version_that_is_not_known_here_is_named_with_it(elsewhere: Elsewhere) -> None:
    content = {"errcode": "M_INCOMPATIBLE_ROOM_VERSION", "error": "too old", "room_version": "org.example.9"}
    elsewhere.servers.refusing["a.example"] = RemoteError("a.example", 400, content)
    answer = elsewhere.join()
    assert (answer.status, answer.errcode) == (400, "M_INCOMPATIBLE_ROOM_VERSION")
    assert answer.body["room_version"] == "org.example.9"


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_server_that_names_no_version_means_one_of_the_first_two(
    clients: ClientFactory, version: str
) -> None:
    elsewhere = Elsewhere(clients, version)
    elsewhere.servers.names_versions = False
    with use_peers(elsewhere.servers):
        assert elsewhere.join().status == 200
        assert elsewhere.client.send(elsewhere.room_id).status == 200
    assert elsewhere.joined_state()
    assert elsewhere.version() == version


def test_a_server_that_names_another_version_than_the_room_has_is_not_believed(
    clients: ClientFactory,
) -> None:
    elsewhere = Elsewhere(clients, "3")
    elsewhere.servers.names_versions = False
    with use_peers(elsewhere.servers):
        assert elsewhere.join().status == 502
    assert elsewhere.client.get("/joined_rooms").body["joined_rooms"] == []


@pytest.mark.parametrize("sender", ["nobody", "", 7, None])
def test_a_malformed_event_in_the_answer_is_left_out(elsewhere: Elsewhere, sender: Any) -> None:
    state = [event.pdu for event in elsewhere.room.state.values()]
    malformed = {"sender": sender, "origin_server_ts": 1, "signatures": {}}
    elsewhere.servers.lies = {"state": [malformed, *state]}
    assert elsewhere.join().status == 200
    assert elsewhere.joined_state()


@pytest.mark.parametrize("told", ["1", "9", "11"])
def test_a_room_is_joined_whatever_version_an_invite_named(clients: ClientFactory, told: str) -> None:
    elsewhere = Elsewhere(clients, "10")
    accept_invite(
        make_signed_event(
            ROOM_VERSIONS[told],
            room_id=elsewhere.room_id,
            type="m.room.member",
            state_key=elsewhere.client.user_id,
            content={"membership": "invite"},
        ),
        [],
    )
    with use_peers(elsewhere.servers):
        assert elsewhere.join().status == 200
        assert elsewhere.client.send(elsewhere.room_id).status == 200
    assert elsewhere.joined_state()
    assert elsewhere.version() == "10"


@pytest.mark.parametrize("state_key", ["nobody", "", "@nobody:no server"])
def test_a_room_with_a_membership_of_nobody_is_joined_like_others(
    elsewhere: Elsewhere, state_key: str
) -> None:
    elsewhere.room.invite(ALICE, state_key)
    elsewhere.servers.learn(*elsewhere.room.events)
    assert elsewhere.join().status == 200
    assert elsewhere.joined_state()
    assert elsewhere.client.send(elsewhere.room_id).status == 200
    for part in ("joined_members", "members", "state", "messages?dir=b", "initialSync"):
        assert elsewhere.client.get(f"/rooms/{elsewhere.room_id}/{part}").status == 200
    members = elsewhere.client.get(f"/rooms/{elsewhere.room_id}/joined_members").body["joined"]
    assert set(members) == {ALICE, BOB, CAROL, elsewhere.client.user_id}
    assert elsewhere.room_id in sync(elsewhere.client)["rooms"]["join"]


def test_messages_can_be_sent_after_the_join(elsewhere: Elsewhere) -> None:
    elsewhere.join()
    assert elsewhere.client.send(elsewhere.room_id).status == 200


def test_the_next_server_is_asked_when_one_does_not_answer(elsewhere: Elsewhere) -> None:
    elsewhere.servers.refusing = {
        "dead.example": RemoteUnreachable("no answer"),
        "ill.example": RemoteError("ill.example", 500, {}),
        "lost.example": RemoteError("lost.example", 404, {"errcode": "M_NOT_FOUND"}),
    }
    assert elsewhere.join("dead.example", "ill.example", "lost.example", "b.example").status == 200
    assert elsewhere.servers.questions[-1] == ("b.example", "send_join")


def test_a_refusal_is_told_when_no_server_lets_the_user_in(elsewhere: Elsewhere) -> None:
    elsewhere.servers.refusing = {
        "a.example": RemoteError("a.example", 403, {"errcode": "M_FORBIDDEN", "error": "You are banned"}),
        "b.example": RemoteUnreachable("no answer"),
    }
    answer = elsewhere.join("b.example", "a.example")
    assert (answer.status, answer.errcode, answer.body["error"]) == (403, "M_FORBIDDEN", "You are banned")


@pytest.mark.parametrize("errcode", ["M_INVALID_PARAM", "M_MISSING_PARAM"])
def test_a_client_is_not_blamed_for_an_event_that_another_server_finds_wrong(
    elsewhere: Elsewhere, errcode: str
) -> None:
    elsewhere.servers.refusing_joins = RemoteError("a.example", 400, {"errcode": errcode, "error": "bad"})
    answer = elsewhere.join()
    assert (answer.status, answer.errcode) == (502, "M_UNKNOWN")


def test_no_other_server_is_asked_than_the_client_names(clients: ClientFactory) -> None:
    elsewhere = Elsewhere(clients, "10")
    elsewhere.servers.refusing["b.example"] = RemoteError("b.example", 403, {"errcode": "M_FORBIDDEN"})
    with use_peers(elsewhere.servers):
        assert elsewhere.join("b.example").status == 403
        assert {name for name, _ in elsewhere.servers.questions} == {"b.example"}
        assert elsewhere.client.post(f"/join/{elsewhere.room_id}", {}).status == 200


def test_nobody_to_ask_is_not_found(elsewhere: Elsewhere) -> None:
    elsewhere.servers.refusing = {"a.example": RemoteUnreachable("no answer")}
    assert elsewhere.join("a.example").status == 404


def test_a_server_with_the_first_version_of_the_endpoint_is_enough(elsewhere: Elsewhere) -> None:
    elsewhere.servers.only_v1 = True
    assert elsewhere.join().status == 200
    assert elsewhere.joined_state()


@pytest.mark.parametrize("part", ["state", "auth_chain"])
def test_what_is_not_signed_as_it_must_be_is_left_out(elsewhere: Elsewhere, part: str) -> None:
    forged = elsewhere.room.make("m.room.topic", ALICE, {"topic": "forged"}, state_key="").pdu
    forged = {**forged, "content": {"topic": "changed after it was signed"}, "signatures": {"a.example": {}}}
    before = [event.pdu for event in elsewhere.room.state.values()]
    elsewhere.servers.lies[part] = [*before, forged]
    assert elsewhere.join().status == 200
    assert elsewhere.joined_state()


@pytest.mark.parametrize(
    "lies",
    [
        {"state": []},
        {"state": "everything"},
        {"state": None},
        {"members_omitted": True},
    ],
)
def test_an_answer_without_the_room_is_no_join(elsewhere: Elsewhere, lies: dict[str, Any]) -> None:
    elsewhere.servers.lies = lies
    answer = elsewhere.join()
    assert answer.status >= 400
    assert elsewhere.client.get("/joined_rooms").body["joined_rooms"] == []


def test_state_that_forbids_the_join_is_no_join(elsewhere: Elsewhere) -> None:
    elsewhere.room.ban(ALICE, elsewhere.client.user_id)
    template = elsewhere.room.fork()
    template.state.pop(("m.room.member", elsewhere.client.user_id))
    elsewhere.servers._template = lambda kind, user_id: {  # type: ignore[method-assign]
        "event": template.fork().member(user_id, user_id, kind).pdu,
        "room_version": "12",
    }
    assert elsewhere.join().status == 403
    assert elsewhere.client.get("/joined_rooms").body["joined_rooms"] == []


def test_a_template_for_something_else_is_not_signed(elsewhere: Elsewhere) -> None:
    other = elsewhere.room.fork()
    elsewhere.servers._template = lambda kind, user_id: {  # type: ignore[method-assign]
        "event": other.make("m.room.power_levels", user_id, {"membership": "join"}, state_key="").pdu,
        "room_version": "12",
    }
    assert elsewhere.join().status == 502
    assert elsewhere.servers.handed_in == []


def test_the_second_user_joins_without_asking(elsewhere: Elsewhere) -> None:
    elsewhere.join()
    asked = len(elsewhere.servers.questions)
    assert elsewhere.join(client=elsewhere.clients.make()).status == 200
    assert len(elsewhere.servers.questions) == asked


def test_who_left_comes_back_by_another_server_and_finds_the_room_as_it_is_now(elsewhere: Elsewhere) -> None:
    elsewhere.join()
    elsewhere.client.change(elsewhere.room_id, "leave")
    elsewhere.room.leave(elsewhere.client.user_id)
    elsewhere.room.send("m.room.topic", ALICE, {"topic": "meanwhile"}, state_key="")
    elsewhere.servers.learn(*elsewhere.room.events)
    assert elsewhere.join().status == 200
    assert elsewhere.joined_state()


def test_a_restricted_room_is_joined_by_the_power_of_somebody_there(clients: ClientFactory) -> None:
    elsewhere = Elsewhere(clients, "10")
    elsewhere.room.set_join_rule(
        "restricted", allow=[{"type": "m.room_membership", "room_id": "!other:a.example"}]
    )
    elsewhere.servers.authoriser = ALICE
    with use_peers(elsewhere.servers):
        assert elsewhere.join("a.example").status == 200
    assert elsewhere.joined_state()
    joined = elsewhere.room.state["m.room.member", elsewhere.client.user_id]
    assert joined.content["join_authorised_via_users_server"] == ALICE


def test_the_invites_sender_is_asked_where_nobody_is_named(elsewhere: Elsewhere) -> None:
    invite = elsewhere.room.invite(CAROL, elsewhere.client.user_id)
    elsewhere.servers.learn(invite)
    accept_invite(invite, [])
    assert elsewhere.client.change(elsewhere.room_id, "join").status == 200
    assert elsewhere.servers.questions[0] == ("c.example", "make_join")
    assert elsewhere.joined_state()


def test_a_room_with_nul_characters_in_its_texts_is_joined_like_others(elsewhere: Elsewhere) -> None:
    room = elsewhere.room
    for kind, key in (("m.room.name", "name"), ("m.room.topic", "topic"), ("m.room.avatar", "url")):
        room.send(kind, ALICE, {key: "a\0b"}, state_key="")
    room.send("m.room.canonical_alias", ALICE, {"alias": "#a\0b:a.example"}, state_key="")
    room.join(BOB, displayname="B\0b", avatar_url="a\0b")
    room.message(BOB)
    elsewhere.servers.learn(*room.events)
    assert elsewhere.join().status == 200
    assert elsewhere.joined_state()
    assert elsewhere.room_id in sync(elsewhere.client)["rooms"]["join"]
    for path in (f"/rooms/{elsewhere.room_id}/members", "/user_directory/search", "/publicRooms"):
        body = {"search_term": "B"} if "search" in path else None
        answer = elsewhere.client.post(path, body) if body else elsewhere.client.get(path)
        assert answer.status == 200
