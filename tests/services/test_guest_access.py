"""Guests in rooms of other servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.test import override_settings

from matrix_app.federation.inbound.peers import use_peers
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.services.remote_servers import RemoteQuestion
from tests.factories.client import Client, ClientFactory
from tests.factories.events import ALICE
from tests.factories.fake_peers import SignedRoom
from tests.factories.remote_rooms import JoinedRoom
from tests.factories.resident_servers import ResidentServers
from tests.factories.tasks import run_tasks


class Told:
    """The server a.example, which says of a room what it is given."""

    def __init__(self) -> None:
        self.summary: dict[str, Any] | None = None

    def request_all(self, questions: Sequence[RemoteQuestion], *, timeout: float) -> list[Any]:
        gone = RemoteUnreachable("gone")
        return [gone if self.summary is None else {"room": self.summary, "children": []} for _ in questions]


told = Told()


@pytest.fixture
def guest(clients: ClientFactory) -> Iterator[Client]:
    told.summary = None
    with override_settings(REMOTE_SERVERS=f"{__name__}.told"):
        yield clients.make(guest=True)


def join_elsewhere(guest: Client, **summary: Any) -> str | None:
    room = SignedRoom.opened("12")
    assert isinstance(room, SignedRoom)
    if summary:
        told.summary = {"room_id": str(room.room_id), "num_joined_members": 1, **summary}
    servers = ResidentServers(room)
    with use_peers(servers):
        answer = guest.post(f"/join/{room.room_id}?via=a.example")
    assert bool(servers.handed_in) == (answer.status == 200)
    return answer.errcode


def test_guests_come_into_rooms_elsewhere_that_let_guests_in(guest: Client) -> None:
    assert join_elsewhere(guest, guest_can_join=True) is None


@pytest.mark.parametrize("summary", [{}, {"guest_can_join": False}, {"guest_can_join": "yes"}])
def test_guests_stay_out_of_rooms_elsewhere_of_which_nobody_says_that_they_may_come_in(
    guest: Client, summary: dict[str, Any]
) -> None:
    assert join_elsewhere(guest, **summary) == "M_GUEST_ACCESS_FORBIDDEN"


@pytest.mark.parametrize("content", [{"guest_access": "forbidden"}, {}])
def test_guests_leave_when_somebody_of_another_server_decides_that(
    guest: Client, clients: ClientFactory, content: dict[str, Any]
) -> None:
    builder = SignedRoom.opened("12")
    builder.send("m.room.guest_access", ALICE, {"guest_access": "can_join"}, state_key="")
    room = JoinedRoom(builder, guest.user_id)
    member = ("m.room.member", guest.user_id)
    before = room.state()[member]
    room.receive(builder.send("m.room.name", ALICE, {"name": "Parlour"}, state_key=""))
    assert "remove_guests" not in run_tasks()
    room.receive(builder.send("m.room.guest_access", ALICE, content, state_key=""))
    assert "remove_guests" in run_tasks()
    assert room.state()[member] != before
    assert guest.send(room.identity.room_id).status == 403
