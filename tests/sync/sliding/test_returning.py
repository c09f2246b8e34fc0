"""A phone that comes back after a long time gets one small answer, at a bounded cost."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from matrix_app.storage.cache import clear_all
from matrix_app.sync import memo
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding import exchange, room_state
from matrix_app.sync.sliding import room_list as lists
from matrix_app.sync.work import Heavy
from tests.factories.client import ClientFactory
from tests.factories.rooms import StoredRoom
from tests.factories.sliding import Follower, begin_sliding, room_list, texts, types
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)

_ON = {"enabled": True}
_EXTENSIONS = {
    "e2ee": _ON,
    "to_device": _ON,
    "account_data": _ON,
    "receipts": _ON,
    "typing": _ON,
}


def _a_week_later() -> None:
    """The server has been started anew since, and remembers nothing."""
    clear_all()
    memo.clear()
    lists.clear()
    hub.cache_clear()


def test_a_long_absence_costs_few_statements_and_little_data(clients: ClientFactory) -> None:
    alice = clients.make()
    rooms = [StoredRoom(members=[alice.user_id]) for _ in range(25)]
    follower = Follower(alice, lists={"all": room_list(end=99)}, extensions=_EXTENSIONS)
    assert len(follower.sync()["rooms"]) == 25
    for room in rooms:
        for number in range(20):
            room.message(room.creator, str(number))
        room.state("m.room.topic", {"topic": "new"})
    _a_week_later()
    with recorded() as statements:
        answer = follower.sync(lists={"all": room_list(end=9)})
    assert len(answer["rooms"]) == 10
    assert all(len(room["timeline"]) == 1 and room["limited"] for room in answer["rooms"].values())
    # What changed, and who sent it.
    state = ["m.room.member", "m.room.topic"]
    assert all(types(room["required_state"]) == state for room in answer["rooms"].values())
    assert len(orjson.dumps(answer)) < 15_000
    assert len(statements) < 75
    # The others come as the list is grown again, and no room comes twice.
    more = follower.sync(lists={"all": room_list(end=99)})["rooms"]
    assert len(more) == 15
    assert not more.keys() & answer["rooms"].keys()
    assert follower.sync()["rooms"] == {}


def test_no_statement_looks_through_a_whole_table(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat", name="Garden")
    bob.change(room_id, "join")
    alice.create_room(invite=[bob.user_id])
    follower = Follower(bob, lists={"all": room_list()}, extensions=_EXTENSIONS)
    with recorded() as first:
        follower.sync()
    alice.send(room_id, "hello")
    alice.set_state(room_id, "m.room.topic", {"topic": "new"})
    with recorded() as second:
        follower.sync(lists={"all": room_list(limit=5)})
    bob.change(room_id, "leave")
    _a_week_later()
    with recorded() as third:
        follower.sync()
    for statements in (first, second, third):
        # Rows that a part of the statement has found already are no table.
        found = ("SCAN sqlite_sequence", "SCAN (subquery", "SCAN ranked")
        assert [scan for scan in statements.scans() if not scan.startswith(found)] == []


def test_too_many_changes_of_state_bring_the_present_state_instead(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = clients.make()
    room_id = alice.create_room(topic="old", name="Garden")
    follower = Follower(alice, lists={"all": room_list()})
    follower.sync()
    monkeypatch.setattr(room_state, "MOST_CHANGES", 3)
    for number in range(4):
        alice.set_state(room_id, "m.room.topic", {"topic": str(number)})
    room = follower.sync()["rooms"][room_id]
    topics = [event for event in room["required_state"] if event["type"] == "m.room.topic"]
    assert [event["content"]["topic"] for event in topics] == ["3"]
    assert room["name"] == "Garden"
    assert "initial" not in room


def test_many_rooms_at_once_do_not_hold_up_light_work(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = clients.make()
    for _ in range(3):
        alice.create_room()
    follower = Follower(alice, lists={"all": room_list(end=0)})
    follower.sync()
    monkeypatch.setattr(exchange, "LIGHT_ROOMS", 1)
    grown: dict[str, Any] = {"lists": {"all": room_list(end=2)}, "conn_id": ""}
    assert isinstance(begin_sliding(alice, follower.pos, **grown), Heavy)
    assert len(follower.sync(**grown)["rooms"]) == 2


def test_history_goes_on_from_a_position(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    alice.send(room_id, "before")
    follower = Follower(alice, lists={"all": room_list()})
    follower.sync()
    alice.send(room_id, "after")
    page = alice.get(f"/rooms/{room_id}/messages?dir=b&limit=1&from={follower.pos}").body
    assert texts({"timeline": page["chunk"]}) == ["before"]
