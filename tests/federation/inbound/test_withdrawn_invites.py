"""Invites that the room takes back before the user has answered."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from matrix_app.federation.inbound import background
from matrix_app.federation.inbound.peers import use_peers
from matrix_app.federation.inbound.transaction import receive_transaction
from matrix_app.protocol.events import Event
from matrix_app.services.received_invites import accept_invite
from matrix_app.storage import interning, members, rooms
from matrix_app.storage.members import Membership
from tests.factories.client import ClientFactory
from tests.factories.events import ALICE, BOB, DAVE
from tests.factories.fake_peers import FakePeers, SignedRoom
from tests.factories.remote_rooms import fresh

pytestmark = pytest.mark.django_db(transaction=True)


class Invited:
    """A user of this server who is invited to a room of others."""

    def __init__(self, clients: ClientFactory) -> None:
        room = SignedRoom.opened("10")
        assert isinstance(room, SignedRoom)
        self.room = room
        room.join(BOB)
        self.client = clients.make()
        accept_invite(fresh(room.invite(ALICE, self.client.user_id)), [])

    def send(self, event: Event, origin: str) -> Any:
        """An event comes from a server; the answer."""
        with use_peers(FakePeers(self.room)):
            answer = receive_transaction(origin, event.event_id, {"pdus": [event.pdu]})
            background.finish()
        return orjson.loads(answer)["pdus"]

    def membership(self) -> int:
        """What the user is in the room."""
        room = rooms.find(str(self.room.room_id))
        assert room is not None
        row = members.get(room.nid, interning.user_nid(self.client.user_id))
        assert row is not None
        return row.membership


def test_who_invited_takes_the_invite_back(clients: ClientFactory) -> None:
    invited = Invited(clients)
    assert invited.membership() == Membership.INVITE
    kick = invited.room.kick(ALICE, invited.client.user_id)
    assert invited.send(kick, "a.example") == {kick.event_id: {}}
    assert invited.membership() == Membership.LEAVE


def test_others_take_no_invite_back(clients: ClientFactory) -> None:
    invited = Invited(clients)
    invited.room.join(DAVE)
    of_one_server = invited.room.make(
        "m.room.member", DAVE, {"membership": "leave"}, state_key=invited.client.user_id
    )
    assert "error" in invited.send(of_one_server, "a.example")[of_one_server.event_id]
    kick = invited.room.make("m.room.member", BOB, {"membership": "leave"}, state_key=invited.client.user_id)
    assert "error" in invited.send(kick, "b.example")[kick.event_id]
    assert "error" in invited.send(invited.room.message(ALICE), "a.example").popitem()[1]
    assert invited.membership() == Membership.INVITE
