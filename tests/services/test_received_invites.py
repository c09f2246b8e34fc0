"""What an invite from elsewhere leaves behind once this server is in the room."""

from __future__ import annotations

import orjson
import pytest

from matrix_app.services.auth_chains import auth_chain_of
from matrix_app.services.notifications import notifications_of
from matrix_app.services.received_invites import accept_invite
from matrix_app.storage import events, summaries
from tests.factories.accounts import make_account
from tests.factories.events import RoomBuilder
from tests.factories.fake_peers import SignedRoom
from tests.factories.remote_rooms import JoinedRoom, fresh, row_of

ALICE = "@alice:a.example"
YVES, ZOE = "@yves:hearth.example", "@zoe:hearth.example"


@pytest.fixture
def theirs(transactional_db: None) -> RoomBuilder:
    """A private room of another server, to which two users of this one have been invited."""
    room = SignedRoom.opened(join_rule="invite")
    for user_id in (YVES, ZOE):
        accept_invite(fresh(room.invite(ALICE, user_id)), [])
    return room


def test_invites_are_counted_once_the_room_is_here(theirs: RoomBuilder) -> None:
    room = JoinedRoom(theirs, ZOE)
    found = summaries.get(room.identity.nid)
    assert (found.invited_members, found.joined_members, found.local_joined_members) == (1, 2, 1)


@pytest.mark.django_db(transaction=True)
def test_an_invite_to_a_room_that_is_not_here_is_listed_among_notifications() -> None:
    room, zoe = SignedRoom.opened(join_rule="invite"), make_account("zoe")
    invite = accept_invite(fresh(room.invite(ALICE, zoe.user_id)), [])
    (found,) = notifications_of(zoe.user_nid, limit=10)["notifications"]
    assert (found["room_id"], found["read"]) == (room.room_id, False)
    assert orjson.loads(orjson.dumps(found["event"]))["event_id"] == invite.event_id


def test_an_invite_gets_its_auth_chain_once_the_room_is_here(theirs: RoomBuilder) -> None:
    invite = theirs.state["m.room.member", ZOE]
    row = row_of(invite)
    assert events.auth_chains([row.nid]) == {}
    JoinedRoom(theirs, ZOE)
    direct = set(events.nids_by_id(invite.auth_event_ids).values())
    assert direct
    assert direct <= set(auth_chain_of([row.nid]))
    assert row_of(invite).nid == row.nid
