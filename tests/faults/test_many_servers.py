"""A room that very many servers are in."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from tests.faults.crowd import Crowd
from tests.faults.peer import VERSION
from tests.faults.world import World, wait_until

pytestmark = pytest.mark.slow

ENGINES = ["sqlite"]
SERVERS = 500
# Of the web and of the worker process: `federation.connections` in use, and as many kept open.
MOST_CONNECTIONS = 4 * 64
# Threads that begin to work meanwhile open the database, which is up to three files.
OF_THREADS = 24


def test_a_message_to_five_hundred_servers_leaves_at_once_and_holds_little(world: World) -> None:
    room_id = world.alice.create_room(VERSION)
    with closing(Crowd(world.home, world.server_context, SERVERS)) as crowd:
        crowd.join(room_id)
        crowd.settle()
        with world.bounded(mib=200, descriptors=MOST_CONNECTIONS + OF_THREADS):
            began = time.monotonic()
            world.say(room_id, "to everybody")
            assert time.monotonic() - began < 1.0
            wait_until(lambda: len(crowd.arrived) == SERVERS)
        assert min(crowd.arrived.values()) - began < 1.0
        assert crowd.most_connections <= MOST_CONNECTIONS
