"""Joins of rooms whose state is big: read from a file, verified, stored, interrupted, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from matrix_app.federation.inbound.peers import use_peers
from matrix_app.federation.outbound import join as outbound_join
from matrix_app.federation.outbound.join import Join, JoinInterruptedError, answers_folder
from matrix_app.protocol.errors import MatrixError, Unavailable
from matrix_app.services import remote_joins
from matrix_app.storage import db, events, long_tasks, members, rooms, state
from tests.factories.big_rooms import BigRoomPeers, Pdus
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.remote_rooms import named

MEMBERS, STATE = 100, 600
BIG_MEMBERS, BIG_STATE = 300, 2000


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> BigRoomPeers:
    return BigRoomPeers(tmp_path_factory.mktemp("big"), members=MEMBERS, state=STATE)


@pytest.fixture
def peers(shared: BigRoomPeers, monkeypatch: pytest.MonkeyPatch) -> Iterator[BigRoomPeers]:
    shared.questions, shared.handed_in, shared.verified = [], [], 0
    shared.spoil, shared.cut, shared.before_answer = lambda _state: None, {}, lambda: None
    # Whatever its size, the answer counts as big.
    monkeypatch.setattr(outbound_join, "SMALL", 1000)
    with use_peers(shared):
        yield shared


@pytest.fixture
def client(clients: ClientFactory) -> Client:
    return clients.make()


def _join(client: Client, peers: BigRoomPeers, *via: str) -> Answer:
    query = "&".join(f"via={name}" for name in via or peers.servers[:1])
    return client.post(f"/join/{peers.room_id}?{query}")


def _request(client: Client, peers: BigRoomPeers) -> Join:
    content = {"membership": "join"}
    nid = remote_joins.request(client.requester, peers.room_id, peers.servers[:1], content, was_here=False)
    row = long_tasks.find(nid)
    assert row is not None
    return Join(row)


def _again(join: Join) -> Join:
    """The join, as the next process finds it."""
    row = long_tasks.find(join.nid)
    assert row is not None
    return Join(row)


def _stored_state(peers: BigRoomPeers) -> dict[tuple[str, str], str]:
    room = rooms.find(peers.room_id)
    assert room is not None
    return named(state.current_full(room.nid))


def _keys(pdus: Pdus) -> set[tuple[str, str]]:
    return {(pdu["type"], pdu["state_key"]) for pdu in pdus}


def _joined(client: Client) -> list[str]:
    found: list[str] = client.get("/joined_rooms").body["joined_rooms"]
    return found


def test_all_of_a_big_room_is_there_after_the_join(client: Client, tmp_path: Path) -> None:
    peers = BigRoomPeers(tmp_path, members=BIG_MEMBERS, state=BIG_STATE)
    with use_peers(peers):
        assert _join(client, peers).status == 200
    own = ("m.room.member", client.user_id)
    assert _stored_state(peers).keys() == _keys(peers.state()) | {own}
    joined = client.get(f"/rooms/{peers.room_id}/joined_members").body["joined"]
    assert len(joined) == BIG_MEMBERS + 1
    # What the auth chain repeats of the state is not verified twice; the join itself is.
    assert peers.verified == BIG_STATE + 1
    assert list(answers_folder().glob("*.json")) == []


def _garbage(pdus: Pdus) -> None:
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    pdus[100:100] = [{"not": "an event"}, "text", None, {**pdus[50], "content": {"deep": deep}}]  # type: ignore[list-item]


def test_what_is_no_event_is_left_out(client: Client, peers: BigRoomPeers) -> None:
    peers.spoil = _garbage
    assert _join(client, peers).status == 200
    assert len(_stored_state(peers)) == STATE + 1


def test_an_event_without_a_valid_signature_is_left_out_with_all_that_rests_on_it(
    client: Client, peers: BigRoomPeers
) -> None:
    forged = peers.state()[10]
    peers.room.chain_file.rename(whole := peers.room.chain_file.with_suffix(".whole"))
    peers.room.chain_file.write_bytes(b"")
    peers.spoil = lambda pdus: pdus[10].update(origin_server_ts=1)
    try:
        assert _join(client, peers).status == 200
    finally:
        whole.rename(peers.room.chain_file)
    lost = {(pdu["type"], pdu["state_key"]) for pdu in peers.state() if pdu["sender"] == forged["sender"]}
    assert len(lost) > 1
    assert _keys(peers.state()) - _stored_state(peers).keys() == lost


def test_an_event_with_another_content_than_was_hashed_is_redacted(
    client: Client, peers: BigRoomPeers
) -> None:
    last = peers.state()[-1]
    peers.spoil = lambda pdus: pdus[-1].update(content={"note": "changed on the way"})
    assert _join(client, peers).status == 200
    path = f"/rooms/{peers.room_id}/state/{last['type']}/{last['state_key']}"
    assert client.get(path).body == {}


def test_an_answer_that_breaks_off_is_no_join_and_the_next_server_is_asked(
    client: Client, peers: BigRoomPeers
) -> None:
    peers.cut = {"s0.example": 200_000}
    assert _join(client, peers, "s0.example").status == 502
    assert _joined(client) == []
    # That server has taken the join: the user leaves there.
    assert peers.questions[-1] == ("s0.example", "send_leave")
    assert _join(client, peers, "s0.example", "s1.example").status == 200
    assert _joined(client) == [peers.room_id]


def _interrupt(join: Join, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a join end as a process does, the second time that it comes to a step."""
    calls = iter(range(1000))
    original: Callable[..., None] = getattr(join, step)

    def ending(*arguments: Any) -> None:
        original(*arguments)
        if next(calls) == 1 or step == "entering":
            raise JoinInterruptedError

    monkeypatch.setattr(join, step, ending)


@pytest.mark.parametrize("step", ["read", "stored", "entering"])
def test_a_join_is_gone_on_with_from_the_answer_that_is_here(
    client: Client, peers: BigRoomPeers, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = _request(client, peers)
    _interrupt(join, step, monkeypatch)
    with pytest.raises(JoinInterruptedError):
        join.run()
    assert _joined(client) == []
    asked = list(peers.questions)
    _again(join).run()
    assert _joined(client) == [peers.room_id]
    assert peers.questions == asked
    assert len(_stored_state(peers)) == STATE + 1


def test_the_same_join_is_handed_in_again_when_its_answer_was_not_here(
    client: Client, peers: BigRoomPeers
) -> None:
    join = _request(client, peers)
    peers.before_answer = lambda: setattr(join, "is_interrupted", True)
    with pytest.raises(JoinInterruptedError):
        join.run()
    peers.before_answer = lambda: None
    _again(join).run()
    assert _joined(client) == [peers.room_id]
    assert [name for _, name in peers.questions] == ["make_join", "send_join", "send_join"]
    assert peers.handed_in[0] == peers.handed_in[1]


def test_events_that_were_stored_before_an_interruption_are_not_verified_again(
    client: Client, peers: BigRoomPeers, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = _request(client, peers)
    _interrupt(join, "entering", monkeypatch)
    with pytest.raises(JoinInterruptedError):
        join.run()
    peers.verified = 0
    _again(join).run()
    assert peers.verified == 1


def test_a_join_that_was_over_when_its_process_ended_is_not_made_again(
    client: Client, peers: BigRoomPeers
) -> None:
    join = _request(client, peers)
    join.run()
    with db.write():
        db.execute("UPDATE long_task SET state = 'running', finished_ts = NULL")
    asked = list(peers.questions)
    _again(join).run()
    assert remote_joins.is_over(join.nid)
    assert peers.questions == asked


@pytest.mark.parametrize("step", ["read", "stored"])
def test_a_cancelled_join_leaves_nothing_that_anybody_sees(
    client: Client, peers: BigRoomPeers, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = _request(client, peers)
    original = getattr(join, step)

    def cancelled(count: int) -> None:
        original(count)
        join.is_cancelled = True

    monkeypatch.setattr(join, step, cancelled)
    join.run()
    with pytest.raises(MatrixError, match="cancelled"):
        remote_joins.is_over(join.nid)
    assert _joined(client) == []
    room = rooms.find(peers.room_id)
    assert room is None or members.servers_in(room.nid) == []
    assert peers.questions[-1] == ("s0.example", "send_leave")
    assert _join(client, peers).status == 200


def test_a_join_is_cancelled_in_the_last_moment_before_the_room_begins(
    client: Client, peers: BigRoomPeers, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = _request(client, peers)
    original = join.stored

    def stored(count: int) -> None:
        original(count)
        with db.write():
            long_tasks.ask_to_cancel(join.nid)

    monkeypatch.setattr(join, "stored", stored)
    join.run()
    assert _joined(client) == []


def test_whoever_asks_again_gets_the_join_that_is_under_way(client: Client, peers: BigRoomPeers) -> None:
    assert _request(client, peers).nid == _request(client, peers).nid
    assert _join(client, peers).status == 200
    assert [name for _, name in peers.questions] == ["make_join", "send_join"]


def test_the_second_user_finds_the_room_here(
    client: Client, clients: ClientFactory, peers: BigRoomPeers
) -> None:
    other = clients.make()
    first, second = _request(client, peers), _request(other, peers)
    first.run()
    asked = len(peers.questions)
    second.run()
    assert _joined(other) == [peers.room_id]
    assert len(peers.questions) == asked


def test_the_progress_of_a_join_is_in_the_list_of_tasks(
    client: Client, peers: BigRoomPeers, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = _request(client, peers)
    seen = []
    original = join.stored

    def stored(count: int) -> None:
        original(count)
        join.note()
        row = long_tasks.find(join.nid)
        assert row is not None
        seen.append((row.step, row.done, row.total))

    monkeypatch.setattr(join, "stored", stored)
    join.run()
    assert seen[0] == ("storing", 250, STATE + MEMBERS + 3)
    assert seen[-1][1] == STATE


def test_too_many_joins_at_a_time_are_refused(
    client: Client, peers: BigRoomPeers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_joins, "MOST", 1)
    _request(client, peers)
    content = {"membership": "join"}
    with pytest.raises(Unavailable):
        remote_joins.request(client.requester, "!other:s0.example", ["s0.example"], content, was_here=False)


def test_every_event_that_is_stored_beside_the_room_is_an_outlier(
    client: Client, peers: BigRoomPeers
) -> None:
    _join(client, peers)
    ids = list(_stored_state(peers).values())
    rows = events.rows_by_id(ids)
    assert sum(not row.is_outlier for row in rows.values()) == 1


def test_the_answer_is_kept_in_the_data_folder(peers: BigRoomPeers, client: Client) -> None:
    join = _request(client, peers)
    seen: list[Path] = []
    original = join.surveyed
    join.surveyed = lambda count: (seen.extend(answers_folder().iterdir()), original(count))  # type: ignore[method-assign, assignment, func-returns-value]
    join.run()
    assert seen == [join.answer_path]
    assert not join.answer_path.exists()
