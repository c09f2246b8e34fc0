"""Answers that are good for a while, and those who wait for them together."""

from __future__ import annotations

import asyncio

import pytest

from matrix_app.federation.idle_connections import IdleConnections
from matrix_app.federation.ttl_cache import SingleFlight, TtlCache
from tests.federation.fakes import Clock


def test_a_value_is_good_until_its_time() -> None:
    clock = Clock()
    cache: TtlCache[str, int] = TtlCache(10, clock)
    cache.put("a", 1, 5)
    clock.now += 4
    assert cache.get("a") == 1
    clock.now += 1
    assert cache.get("a") is None
    assert len(cache) == 0


def test_the_value_that_was_used_longest_ago_goes_first() -> None:
    cache: TtlCache[str, int] = TtlCache(2, Clock())
    cache.put("a", 1, 5)
    cache.put("b", 2, 5)
    cache.get("a")
    cache.put("c", 3, 5)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]


async def test_those_who_wait_together_see_one_answer() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    made = []

    async def make() -> int:
        made.append(1)
        await asyncio.sleep(0)
        return len(made)

    together = await asyncio.gather(*(flights.run("a", make) for _ in range(2)))
    assert together == [1, 1]
    assert await flights.run("a", make) == 2


async def test_those_who_wait_together_see_one_error() -> None:
    flights: SingleFlight[str, int] = SingleFlight()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError("no")

    found = await asyncio.gather(flights.run("a", fail), flights.run("a", fail), return_exceptions=True)
    assert [type(item) for item in found] == [ValueError, ValueError]


async def test_one_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    go = asyncio.Event()

    async def make() -> int:
        await go.wait()
        return 7

    leaver = asyncio.ensure_future(flights.run("a", make))
    other = asyncio.ensure_future(flights.run("a", make))
    await asyncio.sleep(0)
    leaver.cancel()
    go.set()
    assert await other == 7
    with pytest.raises(asyncio.CancelledError):
        await leaver


def test_only_so_many_hosts_keep_their_connections() -> None:
    clock = Clock()
    idle = IdleConnections(2, 30, clock)
    assert idle.may_stay("a")
    assert idle.may_stay("b")
    assert not idle.may_stay("c")
    assert idle.may_stay("a")
    clock.now += 31
    assert idle.may_stay("c")
