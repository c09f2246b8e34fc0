"""The waiting endpoints over ASGI: waking, timing out, disconnecting, errors."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import orjson
import pytest

from matrix_app.http.application import Application
from matrix_app.sync.hub import hub
from tests.factories.client import Client, ClientFactory
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)


class Exchange:
    """One request to the application, with what it sends back."""

    def __init__(self, client: Client | None, query: str) -> None:
        headers = [] if client is None else [(b"authorization", f"Bearer {client.token}".encode())]
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/_matrix/client/v3/sync",
            "raw_path": b"/_matrix/client/v3/sync",
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
        }
        self.gone = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        """Nothing until the client leaves."""
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Keep what is sent."""
        self.sent.append(message)

    @property
    def status(self) -> int:
        """The status of the answer."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> Any:
        """The answer."""
        return orjson.loads(b"".join(part.get("body", b"") for part in self.sent[1:]))


async def _started(exchange: Exchange) -> asyncio.Task[Any]:
    hub().start()
    return asyncio.ensure_future(Application()(exchange.scope, exchange.receive, exchange.send))


def _in_thread(function: Any, *args: Any) -> Any:
    return asyncio.get_running_loop().run_in_executor(None, function, *args)


async def _until_waiting() -> None:
    while not len(hub().waiters):  # noqa: ASYNC110  (nothing announces that a request waits)
        await asyncio.sleep(0.01)


def _run(main: Any) -> None:
    result: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(asyncio.wait_for(main, 20))
        except BaseException as error:  # noqa: BLE001  (raised again in the test's own thread)
            result.append(error)

    # pytest-asyncio's loop must not see that another one runs here.
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    hub().stop()
    if result:
        raise result[0]


def test_a_waiting_sync_is_answered_when_a_message_comes(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    since = sync(bob)["next_batch"]

    async def main() -> None:
        exchange = Exchange(bob, f"since={since}&timeout=15000")
        task = await _started(exchange)
        await _until_waiting()
        await _in_thread(alice.send, room_id, "hello")
        await task
        events = exchange.body["rooms"]["join"][room_id]["timeline"]["events"]
        assert [event["content"]["body"] for event in events] == ["hello"]

    _run(main())


def test_a_sync_without_news_is_answered_when_its_time_is_over(clients: ClientFactory) -> None:
    alice = clients.make()
    since = sync(alice)["next_batch"]

    async def main() -> None:
        exchange = Exchange(alice, f"since={since}&timeout=100")
        await (await _started(exchange))
        assert exchange.status == 200
        assert "rooms" not in exchange.body

    _run(main())


def test_a_client_that_leaves_is_forgotten(clients: ClientFactory) -> None:
    alice = clients.make()
    since = sync(alice)["next_batch"]

    async def main() -> None:
        exchange = Exchange(alice, f"since={since}&timeout=15000")
        task = await _started(exchange)
        await _until_waiting()
        exchange.gone.set()
        await task
        assert exchange.sent == []
        assert len(hub().waiters) == 0

    _run(main())


def test_a_sync_without_a_token_is_refused_in_the_standard_form() -> None:
    async def main() -> None:
        exchange = Exchange(None, "")
        await (await _started(exchange))
        assert exchange.status == 401
        assert exchange.body["errcode"] == "M_MISSING_TOKEN"

    _run(main())


def test_a_broken_filter_is_refused_in_the_standard_form(clients: ClientFactory) -> None:
    alice = clients.make()

    async def main() -> None:
        exchange = Exchange(alice, "filter=%7B")
        await (await _started(exchange))
        assert exchange.status == 400
        assert exchange.body["errcode"] == "M_NOT_JSON"

    _run(main())
