"""Servers that are away for long, this one among them, and what is sent to whom."""

from __future__ import annotations

import time

import pytest

from tests.factories.servers import now_ms
from tests.faults.test_sending import can_be_had, nothing_came_twice
from tests.faults.world import World, heard_in, wait_until

pytestmark = pytest.mark.slow

HOUR = 3600


def wait_out(world: World, name: str, seconds: float) -> int:
    """Let so much time pass with a server away, one attempt after the other; how many there were."""
    passed, attempts, interval = 0.0, 0, 0.0
    while passed < seconds:
        wait_until(lambda: (world.database.retry_in_ms(name, now_ms()) or 0) > 0)
        interval = (world.database.retry_in_ms(name, now_ms()) or 0) / 1000
        world.pass_time(interval)
        passed, attempts = passed + interval, attempts + 1
    return attempts


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_server_that_was_away_for_an_hour_gets_the_latest_of_each_room(world: World, how: str) -> None:
    peer = world.peer()
    rooms = [world.room_with(peer) for _ in range(2)]
    room_id, [joined] = rooms[0]
    said = [world.say(room_id, "before")]
    wait_until(lambda: said[0] in peer.accepted)
    peer.go_away()
    with world.talk.undisturbed():
        said += [world.say(room_id, f"while you were away {number}") for number in range(3)]
        # Ten seconds at first, then twice as long each time.
        assert 6 <= wait_out(world, peer.name, HOUR) <= 14
    world.restart(how)
    said.append(world.say(room_id, "at the end"))
    other = world.say(rooms[1][0], "in the other room")
    peer.come_back()

    def all_came() -> bool:
        # An attempt from before it came back may be noted only now, with long to wait for the next.
        world.pass_time(HOUR)
        return {said[-1], other} <= peer.accepted.keys()

    wait_until(all_came)
    nothing_came_twice(peer)
    assert can_be_had(peer, joined, said)
    # Not what came in between, but for one message that may have been on its way.
    assert peer.offered <= 4


def test_after_an_hour_of_its_own_absence_the_server_contacts_its_peers_and_fills_the_gaps(
    world: World,
) -> None:
    peer = world.peer()
    room_id, [joined] = world.room_with(peer)
    first = world.say(room_id, "before")
    wait_until(lambda: first in peer.accepted)
    joined.last = peer.events[first]
    missed = []
    with world.talk.paused():
        world.server.stop()
        missed = [peer.message(joined, f"while you were away {number}") for number in range(15)]
        calls = len(peer.calls)
        world.pass_time(HOUR)
        world.server.start()
    wait_until(lambda: "send" in peer.calls[calls:])
    # As servers do that have heard of another again: the latest event of each room, and nothing else.
    assert peer.send(missed[-1])[0] == 200
    world.alice.hears(room_id, missed[-1].event_id)
    assert heard_in(world.alice, room_id)[-16:] == [first, *(event.event_id for event in missed)]


def test_only_events_that_originate_here_are_sent(world: World) -> None:
    peers = [world.peer() for _ in range(3)]
    room_id, (joined, *_) = world.room_with(*peers)
    # The joins of later ones were handed in here, and are brought to earlier ones.
    wait_until(lambda: [len(peer.accepted) for peer in peers] == [2, 1, 0])
    foreign = [peers[0].message(joined, f"foreign {number}") for number in range(3)]
    foreign.append(peers[0].make(joined, "m.room.member", {"membership": "join"}, state_key=peers[0].user_id))
    assert peers[0].send(*foreign)[0] == 200
    world.alice.hears(room_id, foreign[2].event_id)
    time.sleep(1.0)
    own = world.say(room_id, "from here")
    wait_until(lambda: all(own in peer.accepted for peer in peers))
    assert [len(peer.accepted) for peer in peers] == [3, 2, 1]
    assert not any(event.event_id in peer.accepted for event in foreign for peer in peers)
