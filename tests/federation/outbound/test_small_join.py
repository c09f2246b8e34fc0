"""Joins of small rooms, which are stored while they are being verified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from matrix_app.federation.inbound.peers import Faults, use_peers
from matrix_app.protocol.errors import KeysUnknown, MatrixError
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.services.outliers import BATCH
from matrix_app.storage import db, events, rooms, state
from tests.factories.big_rooms import BigRoomPeers
from tests.factories.client import Client, ClientFactory
from tests.factories.remote_rooms import named

MEMBERS, STATE = 20, 40


class LatePeers(BigRoomPeers):
    """Verifies when it is asked what came of it, and notes what is stored by then."""

    unknown = False

    def begin_known_faults(self, events_: Sequence[Event]) -> Faults:
        """The same, done late."""

        def faults() -> list[MatrixError | None]:
            known = events.nids_by_id(event.event_id for event in events_)
            self.stored.append(len(known) == len(events_) and db.in_transaction())
            if self.unknown:
                return [KeysUnknown("No key is known") for _ in events_]
            return self.faults(events_)

        return faults

    @property
    def stored(self) -> list[bool]:
        """Whether each batch was stored, and not committed, when somebody asked what was wrong with it."""
        return self.__dict__.setdefault("_stored", [])


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[LatePeers]:
    made = LatePeers(tmp_path, members=MEMBERS, state=STATE)
    with use_peers(made):
        yield made


@pytest.fixture
def client(clients: ClientFactory) -> Client:
    return clients.make()


def _join(client: Client, peers: BigRoomPeers) -> int:
    return client.post(f"/join/{peers.room_id}?via={peers.servers[0]}").status


def _state(peers: BigRoomPeers) -> set[tuple[str, str]]:
    room = rooms.find(peers.room_id)
    assert room is not None
    return set(named(state.current_full(room.nid)))


def _wanted(peers: BigRoomPeers, client: Client) -> set[tuple[str, str]]:
    return {(pdu["type"], pdu["state_key"]) for pdu in peers.state()} | {("m.room.member", client.user_id)}


def test_a_small_room_is_stored_before_it_is_known_that_all_of_it_is_signed(
    client: Client, peers: LatePeers
) -> None:
    assert _join(client, peers) == 200
    assert peers.stored
    assert all(peers.stored)
    assert _state(peers) == _wanted(peers, client)


def test_of_a_small_room_nothing_stays_that_is_not_signed(client: Client, peers: LatePeers) -> None:
    peers.room.chain_file.write_bytes(b"")
    first, *_, forged = peers.state()
    peers.spoil = lambda pdus: pdus[-1].update(signatures=first["signatures"])
    assert _join(client, peers) == 200
    assert all(peers.stored)
    rules = ROOM_VERSIONS[str(peers.room.template("@a:b")["room_version"])]
    assert events.nids_by_id([event_id_of(forged, rules)]) == {}
    assert _state(peers) == _wanted(peers, client) - {(forged["type"], forged["state_key"])}


def test_of_a_small_room_what_has_another_content_than_was_hashed_is_redacted(
    client: Client, peers: LatePeers
) -> None:
    last = peers.state()[-1]
    peers.room.chain_file.write_bytes(b"")
    peers.spoil = lambda pdus: pdus[-1].update(content={"note": "changed on the way"})
    assert _join(client, peers) == 200
    path = f"/rooms/{peers.room_id}/state/{last['type']}/{last['state_key']}"
    assert client.get(path).body == {}


def test_a_small_room_of_which_no_signature_can_be_verified_is_not_joined(
    client: Client, peers: LatePeers
) -> None:
    peers.unknown = True
    assert _join(client, peers) == 502
    room = rooms.find(peers.room_id)
    assert room is None or state.current_full(room.nid) == {}
    assert client.get("/joined_rooms").body["joined_rooms"] == []


def test_a_room_with_more_than_is_stored_at_once_is_verified_first(client: Client, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    peers = LatePeers(tmp_path / "more", members=MEMBERS, state=BATCH + 50)
    with use_peers(peers):
        assert _join(client, peers) == 200
    assert not any(peers.stored)
    assert _state(peers) == _wanted(peers, client)
