"""Servers that take what they are sent and misbehave about it: nothing is lost, nothing arrives twice."""

from __future__ import annotations

import pytest

from matrix_app.protocol.hashes import event_id_of
from tests.faults.faults import FAULTS, accepting
from tests.faults.peer import RULES, Joined, Peer
from tests.faults.world import World, wait_until

pytestmark = pytest.mark.slow

RESTARTS = ("SIGTERM", "SIGKILL")
CASES = [(fault, RESTARTS[number % 2]) for number, fault in enumerate(FAULTS)] + [("hangs", "SIGKILL")]


def nothing_came_twice(peer: Peer) -> None:
    """No event was accepted in two transactions; one transaction may have come again."""
    doubled = {event_id: txns for event_id, txns in peer.accepted.items() if len(txns) > 1}
    assert not doubled


def can_be_had(peer: Peer, joined: Joined, said: list[str]) -> bool:
    """Whether the peer has all of a room's messages, or is given those that it lacks when it asks."""
    body = {"latest_events": said[-1:], "earliest_events": [], "limit": 20, "min_depth": 0}
    path = f"/_matrix/federation/v1/get_missing_events/{joined.room_id}"
    status, answer = peer.ask("POST", path, body)
    assert status == 200, answer
    given = {event_id_of(pdu, RULES) for pdu in answer["events"]}
    return set(said) <= given | peer.accepted.keys()


@pytest.mark.parametrize(("fault", "how"), CASES)
def test_a_server_that_takes_a_message_and_then(world: World, fault: str, how: str) -> None:
    peer = world.peer()
    room_id, [joined] = world.room_with(peer)
    said = [world.say(room_id, "before")]
    wait_until(lambda: said[0] in peer.accepted)
    peer.answers["send"] = accepting(peer, FAULTS[fault])
    with world.bounded(), world.talk.undisturbed():
        said += [world.say(room_id, str(number)) for number in range(3)]
        wait_until(lambda: said[1] in peer.accepted)
    world.restart(how)
    said.append(world.say(room_id, "after"))
    peer.recover()
    peer.show_life()
    wait_until(lambda: said[-1] in peer.accepted)
    nothing_came_twice(peer)
    assert can_be_had(peer, joined, said)
