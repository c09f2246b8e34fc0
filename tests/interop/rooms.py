"""Rooms that people of two servers share."""

from __future__ import annotations

from typing import Any

from tests.interop.people import Person, eventually


def common_room(alice: Person, bob: Person, version: str, **more: Any) -> str:
    """A room of Alice's that Bob has joined from the other server, and both servers know it."""
    room = alice.create_room(version, **more)
    bob.join(room, via=alice)
    become(alice, room, bob, "join")
    return room


def become(witness: Person, room: str, who: Person, membership: str) -> None:
    """Waits until the witness's server knows somebody's membership."""
    eventually(lambda: witness.membership(room, who.user_id) == membership)


def agree(room: str, *people: Person) -> None:
    """Waits until the servers of all people name the same events as the room's state."""
    differences: list[str] = []

    def is_agreed() -> bool:
        differences[:] = []
        first, *others = (person.state(room) for person in people)
        for other in others:
            differed = sorted(pair for pair in first | other if first.get(pair) != other.get(pair))
            differences.extend(f"{pair}: {first.get(pair)} or {other.get(pair)}" for pair in differed)
        return not differences

    try:
        eventually(is_agreed)
    except AssertionError as fault:
        raise AssertionError(f"{fault}: " + "; ".join(differences)) from fault


def empower(alice: Person, room: str, bob: Person, level: int) -> str:
    """Alice, who made the room, gives Bob a power level; the event's ID, once Bob's server has it."""
    levels = alice.state_content(room, "m.room.power_levels")
    levels["users"] = levels.get("users", {}) | {bob.user_id: level}
    event_id = alice.set_state(room, "m.room.power_levels", levels)
    eventually(lambda: bob.state(room)["m.room.power_levels", ""] == event_id)
    return event_id
