"""A server that is killed again and again while people talk: nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from tests.real_server import RealServer, engines, real_server

KILLS = 10
SPEAKERS = 4
LIMIT_SECONDS = 240


class Said(dict[str, str]):
    """The event IDs of the messages that the server acknowledged, by transaction ID."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Condition()

    async def add(self, txn: str, event_id: str) -> None:
        async with self._more:
            self[txn] = event_id
            self._more.notify_all()

    async def grow(self, count: int) -> None:
        """Returns when so many more were acknowledged."""
        goal = len(self) + count
        async with self._more:
            await self._more.wait_for(lambda: len(self) >= goal)


class Account:
    """A user who repeats a request, with the same transaction ID, until it is answered."""

    def __init__(self, base: str, http: aiohttp.ClientSession) -> None:
        self.base = f"{base}/_matrix/client/v3"
        self.http = http
        self.headers: dict[str, str] = {}

    async def register(self) -> None:
        name = f"crash{secrets.token_hex(4)}"
        _status, first = await self._once("POST", "/register", {})
        auth = {"type": "m.login.dummy", "session": first["session"]}
        body = {"username": name, "password": secrets.token_hex(8), "auth": auth}
        account = await self.ask("POST", "/register", body)
        self.headers["Authorization"] = f"Bearer {account['access_token']}"

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer with status 200, however often the server dies on the way to it."""
        while True:
            try:
                status, answer = await self._once(method, path, body)
            except (aiohttp.ClientError, TimeoutError, OSError):
                await asyncio.sleep(0.05)
                continue
            if status == 200:
                return answer
            assert status >= 500, f"{method} {path}: {status} {answer}"
            await asyncio.sleep(0.05)

    async def _once(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        async with self.http.request(method, self.base + path, json=body, headers=self.headers) as answer:
            return answer.status, await answer.json()

    async def say(self, room: str, txn: str) -> str:
        content = {"msgtype": "m.text", "body": txn}
        path = f"/rooms/{quote(room)}/send/m.room.message/{txn}"
        event_id: str = (await self.ask("PUT", path, content))["event_id"]
        return event_id

    async def history(self, room: str) -> list[Any]:
        """All events of the room, newest first."""
        found: list[Any] = []
        start = ""
        while True:
            page = await self.ask("GET", f"/rooms/{quote(room)}/messages?dir=b&limit=200{start}")
            found += page["chunk"]
            if "end" not in page:
                return found
            start = f"&from={quote(page['end'])}"


async def talk(account: Account, room: str, speaker: int, said: Said, stop: asyncio.Event) -> None:
    """Sends message after message, and writes down what the server acknowledged."""
    for number in itertools.count():
        if stop.is_set():
            return
        txn = f"{speaker}-{number}"
        await said.add(txn, await account.say(room, txn))


async def kill_repeatedly(server: RealServer, said: Said) -> None:
    """Now the children of the supervisor, which starts them again; now everything."""
    for turn in range(KILLS):
        await said.grow(10)
        await asyncio.sleep(0.05 * turn)
        if turn % 2:
            await asyncio.to_thread(server.crash)
            await asyncio.to_thread(server.start)
        else:
            await asyncio.to_thread(server.crash_children)
            await asyncio.to_thread(server.wait_until_ready)


async def story(server: RealServer) -> None:
    timeout = aiohttp.ClientTimeout(total=20)
    async with asyncio.timeout(LIMIT_SECONDS), aiohttp.ClientSession(timeout=timeout) as http:
        account = Account(server.base, http)
        await account.register()
        room = (await account.ask("POST", "/createRoom", {}))["room_id"]
        before = (await account.ask("GET", "/sync"))["next_batch"]
        said = Said()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for speaker in range(SPEAKERS):
                group.create_task(talk(account, room, speaker, said, stop))
            await kill_repeatedly(server, said)
            await said.grow(10)
            stop.set()
        await check(account, room, said, before)


async def check(account: Account, room: str, said: Said, before: str) -> None:
    """What the server has afterwards is what it acknowledged, each once, in history and in a sync."""
    events = await account.history(room)
    assert max(Counter(event["event_id"] for event in events).values()) == 1
    spoken = [event for event in events if event["type"] == "m.room.message"]
    bodies = Counter(event["content"]["body"] for event in spoken)
    assert {event["content"]["body"]: event["event_id"] for event in spoken} == said
    assert set(bodies.values()) == {1}, "a message that was sent again is there twice"
    some = list(said.items())[:: max(1, len(said) // 20)]
    for txn, event_id in some:
        assert await account.say(room, txn) == event_id, "a transaction ID was forgotten"
    news = await account.ask("GET", f"/sync?since={quote(before)}&timeout=0")
    assert news["rooms"]["join"][room]["timeline"]["events"][-1]["event_id"] == spoken[0]["event_id"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", engines())
def test_a_server_that_is_killed_loses_nothing_and_doubles_nothing(tmp_path: Path, engine: str) -> None:
    with real_server(tmp_path, engine) as server:
        asyncio.run(story(server))
        assert server.stop() == 0
