"""A room of every version lives through an ordinary day."""

import pytest

from matrix_app.protocol.room_versions import ROOM_VERSIONS
from tests.factories.events import ALICE, BOB, CAROL, RoomBuilder


@pytest.mark.parametrize("version", ROOM_VERSIONS)
def test_an_ordinary_day_is_allowed_in_every_version(version: str) -> None:
    room = RoomBuilder.opened(version)
    room.join(BOB)
    room.message(BOB)
    room.invite(ALICE, CAROL)
    room.join(CAROL)
    room.kick(ALICE, CAROL)
    room.ban(ALICE, CAROL)
    room.kick(ALICE, CAROL)
    room.leave(BOB)
    room.send("m.room.topic", ALICE, {"topic": "nobody is here"}, state_key="")
    memberships = {
        user: room.state["m.room.member", user].content["membership"] for user in (ALICE, BOB, CAROL)
    }
    assert memberships == {ALICE: "join", BOB: "leave", CAROL: "leave"}
