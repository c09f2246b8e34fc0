"""Servers that are asked for what is missing, and misbehave: their event waits, and nothing else does."""

from __future__ import annotations

import time

import pytest

from tests.faults.faults import FAULTS
from tests.faults.world import World, heard_in, wait_until

pytestmark = pytest.mark.slow

RESTARTS = ("SIGKILL", "SIGTERM")
CASES = [(fault, RESTARTS[number % 2]) for number, fault in enumerate(FAULTS)]
HOUR = 3600


@pytest.mark.parametrize(("fault", "how"), CASES)
def test_an_event_is_completed_once_its_server_no_longer(world: World, fault: str, how: str) -> None:
    peer = world.peer()
    room_id, [joined] = world.room_with(peer)
    peer.answers["get_missing_events"] = FAULTS[fault]
    missing, last = peer.message(joined, "missing"), peer.message(joined, "last")
    with world.bounded(), world.talk.undisturbed():
        began = time.monotonic()
        assert peer.send(last) == (200, {"pdus": {last.event_id: {}}})
        assert time.monotonic() - began < 2.0
        wait_until(lambda: "get_missing_events" in peer.calls)
    world.restart(how)
    peer.recover()
    world.pass_time(HOUR)
    world.alice.hears(room_id, last.event_id)
    assert heard_in(world.alice, room_id)[-2:] == [missing.event_id, last.event_id]
