"""Gaps behind which the whole state of a room is fetched."""

from __future__ import annotations

import io

import pytest

from matrix_app.federation.growing_file import Sink
from matrix_app.federation.inbound.gaps import MOST_SINGLE, GapFiller
from matrix_app.federation.inbound.peers import Check, Question, nothing, use_peers
from matrix_app.protocol.errors import BadGateway
from matrix_app.protocol.events import Event
from matrix_app.services.received_events import store_received
from matrix_app.storage import events
from tests.factories.events import ALICE
from tests.factories.fake_peers import FakePeers, SignedRoom
from tests.factories.remote_rooms import JoinedRoom, fresh

pytestmark = pytest.mark.django_db(transaction=True)
NEWCOMERS = MOST_SINGLE + 10


def _after_a_long_silence(room: SignedRoom) -> Event:
    """Many join, and say more than one answer tells; the last of it."""
    for number in range(NEWCOMERS):
        room.join(f"@user{number}:s{number % 3}.example")
    for number in range(25):
        last = room.message(ALICE, f"message {number}")
    return last


def _room() -> tuple[SignedRoom, JoinedRoom]:
    room = SignedRoom.opened("10")
    assert isinstance(room, SignedRoom)
    return room, JoinedRoom(room)


def test_the_state_behind_a_gap_is_taken_over_whole() -> None:
    room, here = _room()
    last = _after_a_long_silence(room)
    peers = FakePeers(room)
    with use_peers(peers):
        GapFiller(here.identity, "a.example").complete(fresh(last))
        store_received(here.identity, fresh(last))
    assert "state" in peers.asked
    assert here.state() == {pair: event.event_id for pair, event in room.state.items()}


class _BreaksOff(FakePeers):
    """A server whose answer with the whole state ends early."""

    def download(self, server: str, question: Question, into: Sink, check: Check = nothing) -> None:
        whole = io.BytesIO()
        super().download(server, question, whole, check)
        into.write(whole.getvalue()[:-10] if self.asked[-1] == "state" else whole.getvalue())


def test_an_answer_that_breaks_off_changes_nothing() -> None:
    room, here = _room()
    before = here.state()
    last = _after_a_long_silence(room)
    with use_peers(_BreaksOff(room)), pytest.raises(BadGateway, match="cannot be read"):
        GapFiller(here.identity, "a.example").complete(fresh(last))
    assert here.state() == before
    assert events.row_by_id(last.event_id) is None
