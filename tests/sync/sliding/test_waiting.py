"""Sliding syncs that wait, over ASGI."""

from __future__ import annotations

import time

import pytest

from matrix_app.client_api.sliding_sync import PATH
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding.verifying import AFTER_SECONDS, ONCE_MORE_SECONDS
from tests.factories.asgi import Exchange, in_thread, run, started, until_waiting
from tests.factories.client import Client, ClientFactory
from tests.factories.sliding import room_list, sliding, texts

pytestmark = pytest.mark.django_db(transaction=True)

LISTS = {"all": room_list()}


def _asking(client: Client, pos: str, timeout: int = 15_000, **body: object) -> Exchange:
    return Exchange(client, f"pos={pos}&timeout={timeout}", path=PATH, body=body)


def test_a_message_wakes_who_waits(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    pos = sliding(bob, lists=LISTS)["pos"]

    async def main() -> None:
        exchange = _asking(bob, pos, lists=LISTS)
        task = await started(exchange)
        await until_waiting()
        await in_thread(alice.send, room_id, "hello")
        await task
        assert texts(exchange.body["rooms"][room_id]) == ["hello"]

    run(main())


def test_an_invite_wakes_who_waits(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room()
    pos = sliding(bob, lists=LISTS)["pos"]

    async def main() -> None:
        exchange = _asking(bob, pos, lists=LISTS)
        task = await started(exchange)
        await until_waiting()
        await in_thread(lambda: alice.change(room_id, "invite", user_id=bob.user_id))
        await task
        assert exchange.body["rooms"][room_id]["membership"] == "invite"

    run(main())


def test_messages_in_rooms_do_not_wake_who_asks_about_devices_alone(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    on = {"enabled": True}
    extensions = {"e2ee": on, "to_device": on}
    pos = sliding(bob, extensions=extensions)["pos"]

    async def main() -> None:
        exchange = _asking(bob, pos, extensions=extensions)
        task = await started(exchange)
        await until_waiting()
        await in_thread(alice.send, room_id, "hello")
        await until_waiting()
        assert not task.done()
        messages = {bob.user_id: {"*": {"body": "for you"}}}
        await in_thread(lambda: alice.put("/sendToDevice/m.test/1", {"messages": messages}))
        await task
        assert len(exchange.body["extensions"]["to_device"]["events"]) == 1

    run(main())


def _direct_chat(clients: ClientFactory) -> tuple[Client, Client, str]:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    bob.put(f"/user/{bob.user_id}/account_data/m.direct", {alice.user_id: [room_id]})
    return alice, bob, room_id


def test_a_message_in_a_direct_chat_is_a_reason_to_ask_about_devices_again(clients: ClientFactory) -> None:
    alice, bob, room_id = _direct_chat(clients)
    extensions = {"e2ee": {"enabled": True}}
    pos = sliding(bob, extensions=extensions)["pos"]

    async def main() -> None:
        exchange = _asking(bob, pos, 60_000, extensions=extensions)
        task = await started(exchange)
        await until_waiting()
        await in_thread(alice.send, room_id, "this may be a key")
        began = time.monotonic()
        await task
        # The message itself is to come before, by the connection that asks about rooms.
        assert AFTER_SECONDS / 2 < time.monotonic() - began < 30
        again = _asking(bob, exchange.body["pos"], 60_000, extensions=extensions)
        began = time.monotonic()
        await (await started(again))
        # Once more, for clients that were slow with the message.
        assert ONCE_MORE_SECONDS / 2 < time.monotonic() - began < 30
        last = _asking(bob, again.body["pos"], 60_000, extensions=extensions)
        task = await started(last)
        await until_waiting()
        assert not task.done()
        last.gone.set()
        await task

    run(main())


def test_so_it_is_when_something_else_is_told_right_after_the_message(clients: ClientFactory) -> None:
    alice, bob, room_id = _direct_chat(clients)
    extensions = {"e2ee": {"enabled": True}, "to_device": {"enabled": True}}
    pos = sliding(bob, extensions=extensions)["pos"]

    def key_and_message() -> None:
        alice.send(room_id, "this may be a key")
        messages = {bob.user_id: {"*": {"body": "for you"}}}
        alice.put("/sendToDevice/m.test/1", {"messages": messages})

    async def main() -> None:
        exchange = _asking(bob, pos, 60_000, extensions=extensions)
        task = await started(exchange)
        await until_waiting()
        await in_thread(key_and_message)
        await task
        received = exchange.body["extensions"]["to_device"]
        assert len(received["events"]) == 1
        further = {**extensions, "to_device": {"enabled": True, "since": received["next_batch"]}}
        began = time.monotonic()
        await (await started(_asking(bob, exchange.body["pos"], 60_000, extensions=further)))
        assert time.monotonic() - began < 30

    run(main())


def test_without_news_the_position_moves_on_when_the_time_is_over(clients: ClientFactory) -> None:
    alice = clients.make()
    alice.create_room()
    pos = sliding(alice, lists=LISTS)["pos"]

    async def main() -> None:
        exchange = _asking(alice, pos, 100, lists=LISTS)
        await (await started(exchange))
        assert exchange.status == 200
        assert exchange.body["rooms"] == {}
        assert exchange.body["lists"] == {"all": {"count": 1}}

    run(main())


def test_a_client_that_leaves_is_forgotten(clients: ClientFactory) -> None:
    alice = clients.make()
    pos = sliding(alice, lists=LISTS)["pos"]

    async def main() -> None:
        exchange = _asking(alice, pos, lists=LISTS)
        task = await started(exchange)
        await until_waiting()
        exchange.gone.set()
        await task
        assert exchange.sent == []
        assert len(hub().waiters) == 0

    run(main())


@pytest.mark.parametrize(
    ("query", "body", "errcode"),
    [
        ("pos=s1_2_3", {"lists": {}}, "M_UNKNOWN_POS"),
        ("", {"lists": {"all": {"ranges": [[0, 1]]}}}, "M_MISSING_PARAM"),
        ("", {"lists": {"all": {"timeline_limit": "x"}}}, "M_BAD_JSON"),
        ("", {"room_subscriptions": {"!a:b": {"timeline_limit": (1 << 64) - 1}}}, "M_BAD_JSON"),
        ("set_presence=asleep", {"lists": {}}, "M_INVALID_PARAM"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    clients: ClientFactory, query: str, body: dict[str, object], errcode: str
) -> None:
    alice = clients.make()

    async def main() -> None:
        exchange = Exchange(alice, query, path=PATH, body=body)
        await (await started(exchange))
        assert (exchange.status, exchange.body["errcode"]) == (400, errcode)

    run(main())
