"""The waiting endpoints over ASGI: waking, timing out, disconnecting, errors."""

from __future__ import annotations

import pytest

from matrix_app.sync.hub import hub
from tests.factories.asgi import Exchange, in_thread, run, started, until_waiting
from tests.factories.client import ClientFactory
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_waiting_sync_is_answered_when_a_message_comes(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    since = sync(bob)["next_batch"]

    async def main() -> None:
        exchange = Exchange(bob, f"since={since}&timeout=15000")
        task = await started(exchange)
        await until_waiting()
        await in_thread(alice.send, room_id, "hello")
        await task
        events = exchange.body["rooms"]["join"][room_id]["timeline"]["events"]
        assert [event["content"]["body"] for event in events] == ["hello"]

    run(main())


def test_a_sync_without_news_is_answered_when_its_time_is_over(clients: ClientFactory) -> None:
    alice = clients.make()
    since = sync(alice)["next_batch"]

    async def main() -> None:
        exchange = Exchange(alice, f"since={since}&timeout=100")
        await (await started(exchange))
        assert exchange.status == 200
        assert "rooms" not in exchange.body

    run(main())


def test_a_client_that_leaves_is_forgotten(clients: ClientFactory) -> None:
    alice = clients.make()
    since = sync(alice)["next_batch"]

    async def main() -> None:
        exchange = Exchange(alice, f"since={since}&timeout=15000")
        task = await started(exchange)
        await until_waiting()
        exchange.gone.set()
        await task
        assert exchange.sent == []
        assert len(hub().waiters) == 0

    run(main())


def test_a_sync_without_a_token_is_refused_in_the_standard_form() -> None:
    async def main() -> None:
        exchange = Exchange(None, "")
        await (await started(exchange))
        assert exchange.status == 401
        assert exchange.body["errcode"] == "M_MISSING_TOKEN"

    run(main())


def test_a_broken_filter_is_refused_in_the_standard_form(clients: ClientFactory) -> None:
    alice = clients.make()

    async def main() -> None:
        exchange = Exchange(alice, "filter=%7B")
        await (await started(exchange))
        assert exchange.status == 400
        assert exchange.body["errcode"] == "M_NOT_JSON"

    run(main())
