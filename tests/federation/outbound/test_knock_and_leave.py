"""Knocking on rooms elsewhere, and turning invites down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from matrix_app.federation.inbound.peers import use_peers
from matrix_app.protocol.errors import RemoteError, RemoteUnreachable
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.services.received_invites import accept_invite
from matrix_app.storage import aliases, db, rooms
from tests.factories.client import ClientFactory
from tests.factories.events import ALICE
from tests.factories.fake_peers import SignedRoom
from tests.factories.resident_servers import ResidentServers
from tests.factories.signed_events import make_signed_event
from tests.factories.syncing import sync


class Elsewhere:
    """A room that one can knock on, and a client here."""

    def __init__(self, clients: ClientFactory, version: str = "12") -> None:
        room = SignedRoom.opened(version, join_rule="knock")
        assert isinstance(room, SignedRoom)
        room.send("m.room.name", ALICE, {"name": "Behind the door"}, state_key="")
        self.room, self.room_id = room, str(room.room_id)
        self.servers = ResidentServers(room)
        self.client = clients.make()

    def invited(self) -> None:
        invite = self.room.invite(ALICE, self.client.user_id)
        self.servers.learn(invite)
        accept_invite(invite, [])

    def rooms(self, section: str) -> list[str]:
        return list(sync(self.client).get("rooms", {}).get(section, {}))


@pytest.fixture
def elsewhere(clients: ClientFactory) -> Iterator[Elsewhere]:
    made = Elsewhere(clients)
    with use_peers(made.servers):
        yield made


@pytest.mark.parametrize("version", ["7", "10", "11", "12"])
def test_a_knock_shows_what_the_room_is(clients: ClientFactory, version: str) -> None:
    elsewhere = Elsewhere(clients, version)
    with use_peers(elsewhere.servers):
        assert elsewhere.client.post(f"/knock/{elsewhere.room_id}?via=a.example").status == 200
    shown = sync(elsewhere.client)["rooms"]["knock"][elsewhere.room_id]["knock_state"]["events"]
    names = {event["type"]: event["content"] for event in shown}
    assert names["m.room.name"] == {"name": "Behind the door"}
    assert names["m.room.member"]["membership"] == "knock"


def test_servers_that_are_named_beside_an_alias_are_asked_too(elsewhere: Elsewhere) -> None:
    with db.write():
        room = rooms.ensure(elsewhere.room_id, "12")
        aliases.add("#door:hearth.example", room.nid, elsewhere.client.requester.user_nid)
    assert elsewhere.client.post("/knock/%23door:hearth.example?via=a.example").status == 200
    assert {server for server, _ in elsewhere.servers.questions} == {"a.example"}


def test_what_is_wrongly_told_of_a_room_is_left_out_and_the_knock_stands(elsewhere: Elsewhere) -> None:
    name = elsewhere.room.state["m.room.name", ""].pdu
    forged = {**name, "type": "m.room.topic", "content": {"topic": "Forged"}}
    stripped = {"type": "m.room.avatar", "state_key": "", "sender": ALICE, "content": {"url": "mxc://a/b"}}
    elsewhere.servers.lies = {"knock_room_state": [name, forged, stripped, 7]}
    assert elsewhere.client.post(f"/knock/{elsewhere.room_id}?via=a.example").status == 200
    shown = sync(elsewhere.client)["rooms"]["knock"][elsewhere.room_id]["knock_state"]["events"]
    assert {event["type"] for event in shown} == {"m.room.name", "m.room.member"}


def test_a_refused_knock_is_told(elsewhere: Elsewhere) -> None:
    elsewhere.servers.refusing["a.example"] = RemoteError("a.example", 403, {"errcode": "M_FORBIDDEN"})
    answer = elsewhere.client.post(f"/knock/{elsewhere.room_id}?via=a.example")
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    assert elsewhere.rooms("knock") == []


def test_an_invite_turned_down_by_its_state_event_is_answered_with_the_id_of_the_leave(
    elsewhere: Elsewhere,
) -> None:
    elsewhere.invited()
    client = elsewhere.client
    answer = client.set_state(elsewhere.room_id, "m.room.member", {"membership": "leave"}, client.user_id)
    assert answer.status == 200
    assert [event.event_id for event in elsewhere.servers.handed_in] == [answer.body["event_id"]]


def test_a_knock_is_taken_back_where_the_room_is(elsewhere: Elsewhere) -> None:
    elsewhere.client.post(f"/knock/{elsewhere.room_id}?via=a.example")
    elsewhere.room.knock(elsewhere.client.user_id)
    assert elsewhere.client.change(elsewhere.room_id, "leave").status == 200
    assert elsewhere.rooms("knock") == []
    # The ID of the room names no server, but what it showed of itself does.
    assert [event.content["membership"] for event in elsewhere.servers.handed_in] == ["knock", "leave"]


def test_an_invite_is_turned_down_where_it_came_from(elsewhere: Elsewhere) -> None:
    elsewhere.invited()
    assert elsewhere.rooms("invite") == [elsewhere.room_id]
    assert elsewhere.client.change(elsewhere.room_id, "leave", reason="no time").status == 200
    assert elsewhere.rooms("invite") == []
    [event] = elsewhere.servers.handed_in
    assert event.content == {"membership": "leave", "reason": "no time"}
    assert elsewhere.servers.questions[0] == ("a.example", "make_leave")


def test_an_invite_is_turned_down_though_nobody_hears_of_it(elsewhere: Elsewhere) -> None:
    elsewhere.invited()
    elsewhere.servers.refusing["a.example"] = RemoteUnreachable("no answer")
    assert elsewhere.client.change(elsewhere.room_id, "leave").status == 200
    assert elsewhere.rooms("invite") == []
    assert elsewhere.servers.handed_in == []


def test_a_server_with_the_first_version_of_the_endpoint_is_enough(elsewhere: Elsewhere) -> None:
    elsewhere.invited()
    elsewhere.servers.only_v1 = True
    assert elsewhere.client.change(elsewhere.room_id, "leave").status == 200
    assert len(elsewhere.servers.handed_in) == 1


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_server_that_names_no_version_means_that_of_the_room(clients: ClientFactory, version: str) -> None:
    room = SignedRoom.opened(version)
    assert isinstance(room, SignedRoom)
    elsewhere = Elsewhere(clients)
    elsewhere.room, elsewhere.room_id = room, str(room.room_id)
    elsewhere.servers = ResidentServers(room)
    elsewhere.servers.names_versions = False
    with use_peers(elsewhere.servers):
        elsewhere.invited()
        assert elsewhere.client.change(elsewhere.room_id, "leave").status == 200
    assert len(elsewhere.servers.handed_in) == 1


def test_an_invite_that_named_another_version_than_the_room_has_is_turned_down_there(
    clients: ClientFactory,
) -> None:
    room = SignedRoom.opened("10")
    assert isinstance(room, SignedRoom)
    elsewhere = Elsewhere(clients)
    elsewhere.servers = ResidentServers(room)
    elsewhere.room_id = str(room.room_id)
    target = elsewhere.client.user_id
    content = {"membership": "invite"}
    told = make_signed_event(
        ROOM_VERSIONS["9"], room_id=room.room_id, type="m.room.member", state_key=target, content=content
    )
    accept_invite(told, [])
    room.invite(room.creator, target)
    with use_peers(elsewhere.servers):
        assert elsewhere.client.change(elsewhere.room_id, "leave").status == 200
    [leave] = elsewhere.servers.handed_in
    assert leave.rules.identifier == "10"
