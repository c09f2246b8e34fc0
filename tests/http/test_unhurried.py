"""What many bring at once is done a few at a time, and after views."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

from matrix_app.http.unhurried import AT_ONCE, Unhurried
from matrix_app.http.views_first import ViewsFirst

FOR_EVER = 3600.0
MANY = 3 * AT_ONCE
TURNS = MANY

who: ContextVar[str] = ContextVar("who")


async def turns(done: list[Any]) -> list[int]:
    """How many more were done in each of some turns of the loop."""
    numbers = [len(done)]
    for _ in range(TURNS):
        await asyncio.sleep(0)
        numbers.append(len(done))
    return [after - before for before, after in pairwise(numbers)]


async def test_all_is_done_in_order_and_little_in_each_turn() -> None:
    unhurried, done = Unhurried(ViewsFirst()), list[int]()
    for number in range(MANY):
        unhurried.soon(done.append, number)
    assert max(await turns(done)) == AT_ONCE
    assert done == list(range(MANY))


async def test_views_that_are_at_work_go_before_those_behind_the_first() -> None:
    views, done = ViewsFirst(), list[int]()
    unhurried = Unhurried(views, FOR_EVER)
    views.begin()
    for number in range(MANY):
        unhurried.soon(done.append, number)
    await turns(done)
    assert done == list(range(AT_ONCE))


async def test_those_who_come_one_by_one_let_views_go_first_too() -> None:
    views, done = ViewsFirst(), list[int]()
    unhurried = Unhurried(views, FOR_EVER)
    views.begin()
    for number in range(2):
        unhurried.soon(done.append, number)
        await turns(done)
    assert done == [0]


async def test_views_that_go_on_for_ever_hold_up_nobody() -> None:
    views, done = ViewsFirst(), asyncio.Event()
    unhurried = Unhurried(views)
    views.begin()
    for _ in range(MANY):
        unhurried.soon(lambda: None)
    unhurried.soon(done.set)
    await done.wait()


async def test_what_comes_after_a_rest_is_done() -> None:
    views, done = ViewsFirst(), list[int]()
    unhurried = Unhurried(views)
    for number in range(2):
        unhurried.soon(done.append, number)
        await turns(done)
    assert done == [0, 1]


async def test_what_fails_is_told_to_the_loop_and_the_rest_is_done() -> None:
    unhurried, done, faults = Unhurried(ViewsFirst()), list[int](), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    unhurried.soon(int, "no number")
    unhurried.soon(done.append, 1)
    await turns(done)
    assert done == [1]
    assert isinstance(faults[0]["exception"], ValueError)


async def test_everybody_is_served_in_a_context_of_their_own() -> None:
    unhurried, seen = Unhurried(ViewsFirst()), list[str]()
    for name in ("alice", "bob"):
        who.set(name)
        unhurried.soon(lambda: seen.append(who.get()))
    await turns(seen)
    assert seen == ["alice", "bob"]
