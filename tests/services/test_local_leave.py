"""Turning down invites of rooms that this server is not in."""

from __future__ import annotations

import pytest

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import room_version
from matrix_app.storage import db, events, interning, invite_state, members, rooms, stream
from matrix_app.storage.cache import clear_all
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.stream import Kind
from tests.factories.client import Client, ClientFactory
from tests.factories.events import make_event

ROOM = "!room:other.example"


def invite_from_elsewhere(client: Client) -> None:
    """The user is invited to a room of another server, of which nothing is known here."""
    rules = room_version("10")
    content = {"membership": "invite"}
    invite: Event = make_event(
        rules,
        type="m.room.member",
        sender="@x:other.example",
        state_key=client.user_id,
        content=content,
        room_id=ROOM,
    )
    nid = client.requester.user_nid
    with db.write():
        room = rooms.create(ROOM, "10", None, None)
        sender = interning.user_nid(invite.sender)
        event = events.insert(
            events.NewEvent(
                event=invite,
                json=encode_canonical(invite.pdu),
                room_nid=room.nid,
                key_nid=interning.key_nid("m.room.member", client.user_id),
                sender_nid=sender,
                position=None,
                status=events.Status.NORMAL,
                is_outlier=True,
                state_nid=None,
                thread_root_nid=None,
                unread_ordinal=0,
            )
        )
        position = stream.append_one(Kind.MEMBERSHIP, room=room.nid, user=nid)
        members.put(
            MemberRow(room.nid, nid, Membership.INVITE, event, sender, True, False, position, position)
        )
        invite_state.put(room.nid, nid, [])


def test_an_invite_is_turned_down_without_asking_its_server(clients: ClientFactory) -> None:
    alice = clients.make()
    invite_from_elsewhere(alice)
    before = stream.current_position()
    assert alice.change(ROOM, "leave", reason="no").body == {}
    room = rooms.find(ROOM)
    assert room is not None
    row = members.get(room.nid, alice.requester.user_nid)
    assert row is not None
    assert row.membership == Membership.LEAVE
    assert row.position > before
    event = events.events_by_nid([row.event_nid])[row.event_nid]
    assert event.content == {"membership": "leave", "reason": "no"}
    assert invite_state.get_many(alice.requester.user_nid, [room.nid]) == {}
    assert alice.change(ROOM, "leave").body == {}
    assert alice.change(ROOM, "forget").body == {}


@pytest.mark.parametrize("version", ["1", "3", "11"])
def test_an_invite_is_turned_down_though_another_one_named_another_version(
    clients: ClientFactory, version: str
) -> None:
    alice = clients.make()
    invite_from_elsewhere(alice)
    with db.write():
        room = rooms.ensure(ROOM, version)
    clear_all()
    assert alice.change(ROOM, "leave").body == {}
    row = members.get(room.nid, alice.requester.user_nid)
    assert row is not None
    assert row.membership == Membership.LEAVE


@pytest.mark.parametrize("action", ["join", "knock"])
def test_without_federation_such_a_room_cannot_be_reached(clients: ClientFactory, action: str) -> None:
    alice = clients.make()
    invite_from_elsewhere(alice)
    assert alice.post(f"/{action}/{ROOM}").status == 404
