"""A server that is killed while one of its users joins a big room elsewhere: the join goes on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest

from tests.bench.big_join import SETTINGS, Person
from tests.faults.database import Database
from tests.real_server import PROJECT, RealServer, engines, real_server

MEMBERS, STATE = 200, 2000
LIMIT_SECONDS = 120


@contextmanager
def resident(folder: Path) -> Iterator[dict[str, Any]]:
    """A server in a big room, which answers so slowly that it can be interrupted."""
    command = [sys.executable, PROJECT / "tests/bench/resident.py", folder, "--pace", "1000000"]
    command += ["--members", str(MEMBERS), "--state", str(STATE), "--servers", "3"]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield orjson.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(30)


async def handed_in(http: aiohttp.ClientSession, about: dict[str, Any]) -> list[str]:
    """The IDs of the joins that the other server was given."""
    async with http.get(f"https://{about['server']}/seen", ssl=False) as answer:
        joins: list[str] = (await answer.json())["joins"]
        return joins


async def joined(person: Person) -> list[str]:
    """The rooms that somebody is in."""
    found: list[str] = (await person.ask("GET", "/joined_rooms"))["joined_rooms"]
    return found


async def arrived(server: RealServer) -> bool:
    """Whether the whole answer is there, and noted to be."""
    statement = "SELECT checkpoint FROM long_task WHERE kind = 'join'"
    found = await asyncio.to_thread(Database(server.database_url).run, statement)
    noted = [row[0] if isinstance(row[0], dict) else orjson.loads(row[0]) for row in found]
    return any("answer" in each for each in noted)


async def until(ask: Callable[[], Awaitable[Any]]) -> None:
    """Return when there is something."""
    for _ in range(2000):
        if await ask():
            return
        await asyncio.sleep(0.05)


async def story(server: RealServer, about: dict[str, Any]) -> None:
    timeout = aiohttp.ClientTimeout(total=60)
    path = f"/join/{quote(about['room_id'])}?via={quote(about['server'])}"
    async with asyncio.timeout(LIMIT_SECONDS), aiohttp.ClientSession(timeout=timeout) as http:
        joiner = Person(server.base, http)
        await joiner.register("joiner")
        asking = asyncio.create_task(joiner.ask("POST", path, {}))
        # In the midst of the answer, and when it is here whole: while it is read and stored.
        await until(lambda: handed_in(http, about))
        await asyncio.sleep(1)
        await asyncio.to_thread(server.crash)
        await asyncio.to_thread(server.start)
        await until(lambda: arrived(server))
        await asyncio.to_thread(server.crash)
        await asyncio.to_thread(server.start)
        with suppress(aiohttp.ClientError):
            await asking
        await until(lambda: joined(joiner))
        await joiner.ask("POST", path, {})
        assert len(await handed_in(http, about)) == 2, "the answer that was there was asked for again"
        members = await joiner.ask("GET", f"/rooms/{quote(about['room_id'])}/joined_members")
        assert len(members["joined"]) == MEMBERS + 1
        state = await joiner.ask("GET", f"/rooms/{quote(about['room_id'])}/state")
        assert len(state) == STATE + 1
        assert len(set(await handed_in(http, about))) == 1, "the join was signed more than once"


@pytest.mark.slow
@pytest.mark.parametrize("engine", engines())
def test_a_join_goes_on_whenever_the_server_is_killed(tmp_path: Path, engine: str) -> None:
    (tmp_path / "hearth").mkdir()
    with (
        resident(tmp_path / "resident") as about,
        real_server(tmp_path / "hearth", engine, SETTINGS) as server,
    ):
        answers = tmp_path / "hearth" / "var" / "joins"
        asyncio.run(story(server, about))
        assert list(answers.glob("*.json")) == []
