"""Learning the keys of a stranger before its request gets a thread."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from matrix_app.federation import loop
from matrix_app.federation.introduction import MOST_WAITING, introduce
from matrix_app.federation.key_ring import KeyRing, Need, recall
from matrix_app.protocol.errors import LimitExceeded
from tests.factories.servers import RemoteServer, now_ms
from tests.federation.fakes import KeyServers

TARGET = "/_matrix/federation/v1/version"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_loop")]


def scope_of(*headers: str) -> dict[str, Any]:
    return {"headers": [(b"host", b"x"), *((b"authorization", text.encode()) for text in headers)]}


class SlowKeyServers(KeyServers):
    """Servers that publish keys only when they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def direct(self, server_name: str, *, even_if_failing: bool) -> dict[str, Any]:
        await self.go.wait()
        return await super().direct(server_name, even_if_failing=even_if_failing)


@pytest.fixture
def servers() -> SlowKeyServers:
    return SlowKeyServers()


@pytest.fixture
def ring(servers: SlowKeyServers) -> KeyRing:
    return KeyRing(servers, [])


async def test_the_keys_of_a_stranger_are_fetched(servers: SlowKeyServers, ring: KeyRing) -> None:
    server = RemoteServer("a.example")
    servers.published["a.example"] = server.keys()
    loop.loop_thread().loop.call_soon_threadsafe(servers.go.set)
    await introduce(scope_of(server.authorization("GET", TARGET)), ring)
    assert not recall([Need(server.name, server.key.key_id, now_ms())])[1]
    assert servers.urgent == [True]


@pytest.mark.parametrize("header", ["Bearer abc", 'X-Matrix origin="a:b",key="ed25519:1",sig="A"'])
async def test_nobody_is_asked_for_a_request_that_is_not_signed(
    servers: SlowKeyServers, ring: KeyRing, header: str
) -> None:
    await introduce(scope_of(), ring)
    await introduce(scope_of(header), ring)
    assert not servers.direct_requests


async def test_only_so_many_strangers_wait_at_a_time(servers: SlowKeyServers, ring: KeyRing) -> None:
    headers = [RemoteServer(f"s{n}.example").authorization("GET", TARGET) for n in range(MOST_WAITING + 1)]
    waiting = [asyncio.ensure_future(introduce(scope_of(header), ring)) for header in headers[1:]]
    await asyncio.sleep(0)
    with pytest.raises(LimitExceeded):
        await introduce(scope_of(headers[0]), ring)
    loop.loop_thread().loop.call_soon_threadsafe(servers.go.set)
    await asyncio.gather(*waiting)
    await introduce(scope_of(headers[0]), ring)
