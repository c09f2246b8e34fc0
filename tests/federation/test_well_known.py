"""`/.well-known/matrix/server`: what counts as an answer, and how long it is remembered."""

from __future__ import annotations

import asyncio

import pytest

from matrix_app.federation.public_https import HttpAnswer
from matrix_app.federation.well_known import WellKnownCache, cache_seconds, delegated_name_in
from tests.federation.fakes import Clock, Https, answer

HOUR = 3600.0
GOOD = answer('{"m.server": "hs.example.net:443"}')


def cache_of(*answers: HttpAnswer | None) -> tuple[WellKnownCache, Https, Clock]:
    https, clock = Https(*answers), Clock()
    return WellKnownCache(https, clock), https, clock


async def test_the_file_is_asked_for_at_the_host_without_regard_to_case() -> None:
    cache, https, _ = cache_of(GOOD)
    assert await cache.delegated_name("Example.org") == "hs.example.net:443"
    assert await cache.delegated_name("example.ORG") == "hs.example.net:443"
    assert https.urls == ["https://example.org/.well-known/matrix/server"]


async def test_an_answer_without_headers_is_remembered_for_a_day() -> None:
    cache, https, clock = cache_of(GOOD)
    await cache.delegated_name("a")
    clock.now += 24 * HOUR - 1
    await cache.delegated_name("a")
    assert len(https.urls) == 1
    clock.now += 2
    await cache.delegated_name("a")
    assert len(https.urls) == 2


async def test_those_who_ask_at_the_same_time_share_one_request() -> None:
    cache, https, _ = cache_of(GOOD)
    await asyncio.gather(*(cache.delegated_name("a") for _ in range(10)))
    assert len(https.urls) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 24 * HOUR),
        ({"Cache-Control": "max-age=7200"}, 2 * HOUR),
        ({"Cache-Control": "public, Max-Age = 7200 , x"}, 2 * HOUR),
        ({"Cache-Control": 'max-age="7200"'}, 2 * HOUR),
        ({"Cache-Control": "max-age=99999999"}, 48 * HOUR),
        ({"Cache-Control": "max-age=0"}, 300.0),
        ({"Cache-Control": "no-store"}, 300.0),
        ({"Cache-Control": "max-age=x"}, 24 * HOUR),
        (
            {"Date": "Tue, 01 Jul 2025 10:00:00 GMT", "Expires": "Tue, 01 Jul 2025 13:00:00 GMT"},
            3 * HOUR,
        ),
        ({"Expires": "0"}, 300.0),
        ({"Expires": "0", "Cache-Control": "max-age=7200"}, 2 * HOUR),
    ],
)
def test_the_headers_say_how_long_within_bounds(headers: dict[str, str], seconds: float) -> None:
    assert cache_seconds(answer("", headers=headers).headers) == seconds


async def test_a_host_without_the_file_is_not_asked_again_for_an_hour() -> None:
    cache, https, clock = cache_of(answer("", 404))
    assert await cache.delegated_name("a") is None
    clock.now += HOUR - 1
    assert await cache.delegated_name("a") is None
    assert len(https.urls) == 1
    clock.now += 2
    await cache.delegated_name("a")
    assert len(https.urls) == 2


async def test_a_host_that_fails_is_left_alone_longer_each_time() -> None:
    cache, https, clock = cache_of(None)
    waits = []
    for _ in range(9):
        await cache.delegated_name("a")
        asked, start = len(https.urls), clock.now
        while len(https.urls) == asked:
            clock.now += 20
            await cache.delegated_name("a")
        waits.append(clock.now - start)
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == HOUR


async def test_what_was_good_lately_stands_while_the_host_has_trouble() -> None:
    cache, https, clock = cache_of(GOOD, None, answer("", 502), None)
    await cache.delegated_name("a")
    clock.now += 25 * HOUR
    assert await cache.delegated_name("a") == "hs.example.net:443"
    clock.now += 20 * HOUR
    assert await cache.delegated_name("a") == "hs.example.net:443"
    clock.now += 4 * HOUR
    assert await cache.delegated_name("a") is None
    assert len(https.urls) == 4


async def test_a_file_that_was_taken_away_is_taken_at_its_word() -> None:
    cache, _, clock = cache_of(GOOD, answer("", 404))
    await cache.delegated_name("a")
    clock.now += 25 * HOUR
    assert await cache.delegated_name("a") is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"m.server": 5}',
        '{"m.server": ""}',
        '{"m.server": "a/b"}',
        '{"m.server": "a:x"}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_whatever_is_no_server_name_counts_as_no_answer(body: str) -> None:
    assert delegated_name_in(body.encode("latin-1")) is None
