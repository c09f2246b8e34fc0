"""For whom a change is, whatever else happens while that is found out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from matrix_app.federation.sender.routing import Router
from matrix_app.storage import db, interning, stream
from tests.factories.rooms import ALICE, BOB, StoredRoom
from tests.factories.statements import recorded

FAR = "@fran:far.example"
CARA = "@cara:far.example"


@contextmanager
def before_statement(number: int, happens: Callable[[], object]) -> Iterator[None]:
    """Have something happen just before the statement of a number, as another process would do it."""
    count, previous = 0, db.statement_observer

    def observe(_sql: str, _params: Sequence[Any]) -> None:
        nonlocal count
        count += 1
        if count == number + 1:
            db.statement_observer = previous
            happens()
            db.statement_observer = observe

    db.statement_observer = observe
    try:
        yield
    finally:
        db.statement_observer = previous


def far_gets(happens: Callable[[StoredRoom], object], number: int) -> list[int]:
    """What the other server gets when something happens meanwhile, as positions after Bob's join."""
    room = StoredRoom(members=[FAR])
    before = stream.current_position()
    joined = room.join(BOB)
    entries = stream.entries_after(before)
    with before_statement(number, lambda: happens(room)):
        owed = Router().route(entries).owed
    assert joined.position is not None
    return [item.position - joined.position for item in owed[interning.server_nid("far.example")]]


def statements_of_routing() -> int:
    """How many statements it takes to route a join."""
    room = StoredRoom(members=[FAR])
    before = stream.current_position()
    room.join(BOB)
    entries = stream.entries_after(before)
    with recorded() as statements:
        Router().route(entries)
    return len(statements)


@pytest.mark.parametrize(
    "happens",
    [
        lambda room: room.join(CARA),
        lambda room: room.message(ALICE),
        lambda room: (room.join(CARA), room.member(CARA, CARA, "leave")),
        lambda room: room.member(FAR, FAR, "leave"),
    ],
    ids=["another joins", "a message", "another comes and goes", "it leaves"],
)
def test_whatever_happens_while_an_event_is_routed_it_reaches_the_servers_of_its_room(
    transactional_db: None, happens: Callable[[StoredRoom], object]
) -> None:
    count = statements_of_routing()
    assert count > 3
    for number in range(count):
        assert 0 in far_gets(happens, number), number


def test_a_membership_of_nobody_is_for_the_servers_of_its_room(transactional_db: None) -> None:
    room = StoredRoom(members=[FAR])
    before = stream.current_position()
    sent = [
        room.member(ALICE, "nobody", "invite"),
        room.member(ALICE, "nobody", "leave"),
        room.message(ALICE),
    ]
    owed = Router().route(stream.entries_after(before)).owed
    assert list(owed) == [interning.server_nid("far.example")]
    (items,) = owed.values()
    assert [item.position for item in items] == [event.position for event in sent]
