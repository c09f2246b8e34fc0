"""Servers that lie about what came before: they are asked so much and no more, and believed nothing."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from aiohttp import web

from matrix_app.protocol.events import Event
from tests.faults.peer import Answering, Call, Joined, Peer
from tests.faults.world import World, heard_in, wait_until

pytestmark = pytest.mark.slow

# What is believed is no matter of the database.
ENGINES = ["sqlite"]
# Questions about one event, whatever is answered.
MOST_CALLS = 150
HOUR = 3600


class Liar:
    """A peer in a room, an event that it sends, and what it says about that."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.peer: Peer = world.peer()
        self.room_id, [self.joined] = world.room_with(self.peer)
        self.before = world.alice.state(self.room_id)
        self.events = 0

    def hidden(self, **fields: Any) -> Event:
        """An event that the server under test does not get to see."""
        return self.peer.message(self.joined, secrets.token_hex(4), **fields)

    def tell(self, endpoint: str, answer: Any) -> None:
        """What to answer from now on."""

        async def answering(call: Call) -> web.StreamResponse:
            found = answer(call) if callable(answer) else answer
            return web.json_response(found, status=404 if "errcode" in found else 200)

        lie: Answering = answering
        self.peer.answers[endpoint] = lie

    def send(self, event: Event) -> None:
        """Send the event, restart the server in the middle, and wait until it has made up its mind."""
        assert self.peer.send(event)[0] == 200
        wait_until(lambda: len(self.peer.calls) > 1)
        self.world.restart("SIGKILL")
        for _ in range(6):
            self.world.pass_time(HOUR)
            wait_until(lambda: not self._is_due())
            if not self._waits():
                return
        raise AssertionError("it is asked for without end")

    def _waits(self) -> bool:
        return bool(self.world.database.run("SELECT nid FROM staged_pdu"))

    def _is_due(self) -> bool:
        """Whether something is to be asked now, or is being asked."""
        return bool(self.world.database.run("SELECT nid FROM staged_pdu WHERE attempts = 0"))

    def check(self, event: Event) -> None:
        """Nothing became of it, at a bounded cost."""
        assert event.event_id not in heard_in(self.world.alice, self.room_id)
        assert self.world.alice.state(self.room_id) == self.before
        assert len(self.peer.calls) < MOST_CALLS


@pytest.fixture
def liar(world: World) -> Liar:
    return Liar(world)


def test_foreign_events_are_no_answer(liar: Liar) -> None:
    _, [elsewhere] = liar.world.room_with(liar.peer)
    foreign = [liar.peer.message(elsewhere, "foreign").pdu for _ in range(5)]
    liar.hidden()
    event = liar.hidden()
    liar.tell("get_missing_events", {"events": foreign})
    liar.tell("event", {"pdus": foreign[:1]})
    with liar.world.bounded(), liar.world.talk.undisturbed():
        liar.send(event)
    liar.check(event)


def test_an_event_that_is_said_to_come_before_itself_is_dropped(liar: Liar) -> None:
    liar.hidden()
    event = liar.hidden()
    after = [liar.hidden().pdu for _ in range(5)]
    liar.tell("get_missing_events", {"events": [*after, event.pdu, *after]})
    with liar.world.talk.undisturbed():
        liar.send(event)
    liar.check(event)


def test_predecessors_without_end_are_followed_only_so_far(liar: Liar) -> None:
    known = liar.peer.events

    def endless(call: Call) -> dict[str, Any]:
        """What comes right before what was asked for, and has a predecessor that nobody has seen."""
        return {"events": [known[known[call.body["latest_events"][0]].prev_event_ids[0]].pdu]}

    for _ in range(40):
        event = liar.hidden()
    liar.tell("get_missing_events", endless)
    liar.tell("state_ids", lambda _: {"pdu_ids": nonsense(200), "auth_chain_ids": nonsense(200)})
    liar.tell("state", {"pdus": [event.pdu] * 3, "auth_chain": [event.pdu]})
    liar.tell("event_auth", {"auth_chain": [event.pdu] * 3})
    liar.tell("event", {"errcode": "M_NOT_FOUND"})
    with liar.world.bounded(), liar.world.talk.undisturbed():
        liar.send(event)
    liar.check(event)


def nonsense(count: int) -> list[str]:
    return ["$" + secrets.token_urlsafe(32) for _ in range(count)]


def test_a_state_in_which_everything_is_allowed_is_not_believed(liar: Liar) -> None:
    peer, joined = liar.peer, liar.joined
    forged = peer.make(
        joined, "m.room.power_levels", {"users": {peer.user_id: 100}}, state_key="", sender=peer.user_id
    )
    start = joined.last
    gap = liar.hidden()
    joined.auth = [found for found in joined.auth if found.type != "m.room.power_levels"] + [forged]
    event = peer.make(joined, "m.room.topic", {"topic": "mine"}, state_key="", prev_events=[gap])
    state = [start.event_id, forged.event_id, *(found.event_id for found in joined.auth)]
    for found in (forged, event):
        peer.events[found.event_id] = found
    liar.tell("get_missing_events", lambda call: {"events": [gap.pdu]})
    liar.tell("state_ids", {"pdu_ids": state, "auth_chain_ids": state})
    liar.tell("event_auth", {"auth_chain": [forged.pdu, *(found.pdu for found in joined.auth)]})
    with liar.world.talk.undisturbed():
        liar.send(event)
    liar.check(event)


def test_an_endless_gap_with_a_forged_state_changes_nothing(liar: Liar) -> None:
    peer, joined = liar.peer, liar.joined
    forged = peer.make(joined, "m.room.power_levels", {"users": {peer.user_id: 100}}, state_key="")
    ancient = Joined(liar.room_id, peer.make(joined, "m.room.message", {}, depth=3), joined.auth)
    nobody_has = peer.message(ancient, "nobody has seen this")
    oldest = peer.make(ancient, "m.room.message", {"body": "oldest"}, prev_events=[nobody_has], depth=50)
    topic = peer.make(
        joined, "m.room.topic", {"topic": "mine"}, state_key="", prev_events=[oldest], depth=51,
        auth_events=[*(e for e in joined.auth if e.type != "m.room.power_levels"), forged],
    )  # fmt: skip
    for found in (forged, oldest, topic):
        peer.events[found.event_id] = found
    state = [forged.event_id, *(found.event_id for found in joined.auth)]
    liar.tell("get_missing_events", {"events": [oldest.pdu]})
    liar.tell("state_ids", {"pdu_ids": state, "auth_chain_ids": state})
    with liar.world.talk.undisturbed():
        liar.send(topic)
    assert liar.world.alice.state(liar.room_id) == liar.before
    assert len(peer.calls) < MOST_CALLS
