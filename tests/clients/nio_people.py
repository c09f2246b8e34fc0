"""Users of matrix-nio and their devices."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import nio

R = TypeVar("R")
PASSWORD = "a horse, a battery and a staple"


def ok(answer: object, kind: type[R]) -> R:
    """The answer, which must be of the kind that nio makes of a valid one."""
    assert isinstance(answer, kind), f"wanted {kind.__name__}, got {answer!r}"
    return answer


class Person:
    """A user with one device, and the messages that its syncs have brought."""

    def __init__(self, client: nio.AsyncClient) -> None:
        self.client = client
        self.heard: list[tuple[str, str]] = []
        client.add_event_callback(self._hear, nio.RoomMessageText)

    @property
    def user_id(self) -> str:
        return str(self.client.user_id)

    def _hear(self, _room: nio.MatrixRoom, event: nio.Event) -> None:
        assert isinstance(event, nio.RoomMessageText)
        self.heard.append((event.sender, event.body))

    async def sync(self, wait_ms: int = 0) -> nio.SyncResponse:
        return ok(await self.client.sync(timeout=wait_ms), nio.SyncResponse)

    async def say(self, room: str, body: str) -> str:
        content = {"msgtype": "m.text", "body": body}
        answer = await self.client.room_send(room, "m.room.message", content)
        return str(ok(answer, nio.RoomSendResponse).event_id)

    async def hears(self, sender: str, body: str) -> None:
        """Sync by long poll until the message is there; that must not take ten seconds."""
        async with asyncio.timeout(10):
            while (sender, body) not in self.heard:
                await self.sync(wait_ms=8000)
        assert self.heard.count((sender, body)) == 1, "a message came twice"


@asynccontextmanager
async def person(url: str, kind: str) -> AsyncIterator[Person]:
    """A new user who has registered, logged out and logged in again."""
    name = kind + secrets.token_hex(4)
    client = nio.AsyncClient(url, name, config=nio.AsyncClientConfig(encryption_enabled=False))
    try:
        await _sign_up(client)
        yield Person(client)
    finally:
        await client.close()


async def _sign_up(client: nio.AsyncClient) -> None:
    name = client.user
    registered = ok(await client.register(name, PASSWORD, device_name="first"), nio.RegisterResponse)
    assert registered.user_id.startswith(f"@{name}:")
    ok(await client.logout(), nio.LogoutResponse)
    client.device_id = ""  # or nio asks for the same device again
    ok(await client.login("not the password"), nio.LoginError)
    signed_in = ok(await client.login(PASSWORD, device_name="nio"), nio.LoginResponse)
    assert signed_in.user_id == registered.user_id
    assert signed_in.device_id != registered.device_id
