"""Rooms with a past that the rules need not have allowed, for the tests of single rules."""

from typing import Any

from matrix_app.protocol.events import Event
from tests.factories.events import ALICE, RoomBuilder

MEMBERSHIPS = ("never there", "leave", "invite", "knock", "join", "ban")


def put(room: RoomBuilder, user_id: str, membership: str) -> None:
    """Give a user a membership, whatever the rules say to it."""
    if membership != "never there":
        room.apply(room.make("m.room.member", user_id, {"membership": membership}, state_key=user_id))


def put_state(room: RoomBuilder, type: str, content: dict[str, Any]) -> None:
    """Set a state event with an empty state key, whatever the rules say to it."""
    room.apply(room.make(type, ALICE, content, state_key=""))


def member_event(room: RoomBuilder, sender: str, target: str, membership: Any, **content: Any) -> Event:
    """A membership event, not yet sent."""
    return room.make("m.room.member", sender, {"membership": membership, **content}, state_key=target)
