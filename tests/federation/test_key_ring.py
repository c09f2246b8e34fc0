"""Where verify keys come from: memory, the database, their servers and notaries."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from matrix_app.federation.key_ring import ASKED_EVERY_SECONDS, KeyRing, Need, recall
from matrix_app.protocol.server_keys import LONGEST_VALIDITY_MS, PublishedKey
from matrix_app.protocol.signing import SigningKey, sign_json
from matrix_app.services.local_identity import local_identity
from matrix_app.storage import cache, server_keys
from tests.conftest import SERVER_NAME
from tests.factories.servers import HOUR, RemoteServer, now_ms
from tests.federation.fakes import KeyServers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_loop")]

NOTARY = "notary.example"


class World:
    """Servers, a notary, and a ring of keys that may ask them."""

    def __init__(self) -> None:
        self.servers = KeyServers()
        self.notary = self.publish(NOTARY)
        self.now = now_ms()
        self.ring = self.new_ring()

    def new_ring(self) -> KeyRing:
        return KeyRing(self.servers, [NOTARY], lambda: self.now)

    def publish(self, name: str, **options: Any) -> RemoteServer:
        server = RemoteServer(name)
        self.servers.published[name] = server.keys(**options)
        return server

    def leave_to_notary(self, *names: str, **options: Any) -> list[RemoteServer]:
        """Servers that are gone, whose keys the notary has."""
        made = [RemoteServer(name) for name in names]
        self.servers.at_notary[NOTARY] = [server.keys(notaries=(self.notary,), **options) for server in made]
        return made

    async def knows(self, server: RemoteServer, valid_at: int | None = None) -> bool:
        need = Need(server.name, server.key.key_id, self.now if valid_at is None else valid_at)
        found = await self.ring.find([need])
        key = found.get((server.name, server.key.key_id))
        return key is not None and key.verify_key == server.key.verify_key


@pytest.fixture
def world() -> World:
    return World()


async def test_a_key_is_asked_for_at_its_server_and_kept(world: World) -> None:
    server = world.publish("a.example")
    assert await world.knows(server)
    assert await world.knows(server)
    assert world.servers.direct_requests == ["a.example"]


async def test_another_process_finds_it_in_the_database(world: World) -> None:
    server = world.publish("a.example")
    await world.knows(server)
    cache.clear_all()
    world.ring = world.new_ring()
    assert await world.knows(server)
    assert world.servers.direct_requests == ["a.example"]


async def test_a_server_is_asked_once_however_many_of_its_keys_are_needed_at_a_time(world: World) -> None:
    server = world.publish("a.example")
    old = [Need("a.example", f"ed25519:{n}", 0) for n in range(5)]
    present = Need("a.example", server.key.key_id, world.now)
    await asyncio.gather(*(world.ring.find([*old, present]) for _ in range(5)))
    assert world.servers.direct_requests == ["a.example"]


async def test_a_server_is_not_asked_again_at_once_for_keys_that_it_does_not_have(world: World) -> None:
    server = world.publish("a.example")
    assert await world.knows(server)
    for n in range(5):
        assert not await world.ring.find([Need("a.example", f"ed25519:{n}", world.now)])
    assert world.servers.direct_requests == ["a.example"]
    assert ASKED_EVERY_SECONDS >= 1


async def test_a_key_is_asked_for_anew_once_it_is_too_old(world: World) -> None:
    server = world.publish("a.example", valid_until=world.now + HOUR)
    assert await world.knows(server)
    world.now += HOUR + 1
    world.ring = world.new_ring()
    world.servers.published["a.example"] = server.keys(valid_until=world.now + HOUR)
    assert await world.knows(server)
    assert world.servers.direct_requests == ["a.example", "a.example"]


async def test_a_key_that_is_no_longer_published_is_still_good_for_what_was_signed_in_time(
    world: World,
) -> None:
    server = world.publish("a.example", valid_until=world.now + HOUR)
    assert await world.knows(server)
    world.now += 2 * HOUR
    del world.servers.published["a.example"]
    assert not await world.knows(server)
    assert await world.knows(server, world.now - HOUR)
    assert await world.knows(server, 0)


async def test_no_key_is_valid_for_more_than_seven_days_from_now(world: World) -> None:
    server = world.publish("a.example", valid_until=world.now + 100 * LONGEST_VALIDITY_MS)
    assert await world.knows(server, world.now + LONGEST_VALIDITY_MS)
    assert not await world.knows(server, world.now + LONGEST_VALIDITY_MS + 1)
    assert world.servers.direct_requests == ["a.example"]


async def test_an_old_key_is_good_for_what_was_signed_before_it_was_given_up(world: World) -> None:
    old = SigningKey("old", b"\x05" * 32)
    given_up = world.now - HOUR
    world.publish("a.example", old=(PublishedKey(old.key_id, old.verify_key, given_up),))
    server = RemoteServer("a.example", old)
    assert await world.knows(server, given_up)
    assert not await world.knows(server, given_up + 1)
    assert not await world.knows(server)
    assert world.servers.direct_requests == ["a.example"]


async def test_a_server_that_speaks_is_asked_even_while_it_is_left_alone(world: World) -> None:
    server = world.publish("a.example")
    await world.ring.find([Need("a.example", server.key.key_id, world.now)], urgent=True)
    await world.ring.find([Need("b.example", server.key.key_id, world.now)])
    assert world.servers.urgent == [True, False]


async def test_the_notary_tells_the_keys_of_a_server_that_is_gone(world: World) -> None:
    (server,) = world.leave_to_notary("gone.example")
    assert await world.knows(server)
    assert world.servers.direct_requests == ["gone.example", NOTARY]
    ((_, query),) = world.servers.notary_requests
    assert query == {"gone.example": {server.key.key_id: world.now}}


async def test_many_servers_are_asked_about_at_the_notary_first(world: World) -> None:
    names = [f"s{n}.example" for n in range(20)]
    servers = world.leave_to_notary(*names[:19])
    there = world.publish(names[19])
    needs = [Need(server.name, server.key.key_id, world.now) for server in [*servers, there]]
    assert len(await world.ring.find(needs)) == 20
    assert len(world.servers.notary_requests) == 1
    assert sorted(world.servers.direct_requests) == [NOTARY, names[19]]


async def test_a_notary_whose_signature_is_missing_or_wrong_is_not_believed(world: World) -> None:
    server = RemoteServer("gone.example")
    impostor = RemoteServer(NOTARY, SigningKey(world.notary.key.version, b"\x09" * 32))
    for answer in (server.keys(), server.keys(notaries=(impostor,))):
        world.servers.at_notary[NOTARY] = [answer]
        assert not await world.knows(server)


async def test_a_notary_cannot_make_up_keys_of_others(world: World) -> None:
    server = RemoteServer("gone.example")
    made_up = {**RemoteServer("other.example", server.key).keys(), "server_name": "gone.example"}
    world.servers.at_notary[NOTARY] = [sign_json(made_up, NOTARY, world.notary.key)]
    assert not await world.knows(server)


async def test_what_nobody_asked_the_notary_for_is_not_kept(world: World) -> None:
    (server, other) = world.leave_to_notary("gone.example", "other.example")
    world.servers.at_notary[NOTARY].reverse()
    assert await world.knows(server)
    assert not await asyncio.to_thread(server_keys.of_servers, [other.name])


async def test_a_notary_never_shortens_what_a_server_said_itself(world: World) -> None:
    server = world.publish("a.example", valid_until=world.now + 2 * HOUR)
    assert await world.knows(server)
    del world.servers.published["a.example"]
    early = server.keys(valid_until=world.now + HOUR, notaries=(world.notary,))
    world.servers.at_notary[NOTARY] = [early]
    world.ring = world.new_ring()
    assert not await world.knows(server, world.now + 3 * HOUR)
    assert world.servers.notary_requests
    assert await world.knows(server, world.now + 2 * HOUR)


async def test_a_server_may_shorten_the_life_of_its_key_itself(world: World) -> None:
    server = world.publish("a.example", valid_until=world.now + 2 * HOUR)
    assert await world.knows(server)
    world.servers.published["a.example"] = server.keys(valid_until=world.now + HOUR)
    await world.ring.fetch("a.example")
    assert not await world.knows(server, world.now + 2 * HOUR)


async def test_a_server_cannot_publish_the_keys_of_another(world: World) -> None:
    victim = RemoteServer("victim.example")
    attacker = RemoteServer("victim.example")
    world.servers.published["attacker.example"] = attacker.keys()
    assert await world.ring.fetch("attacker.example") is None
    assert not await asyncio.to_thread(server_keys.of_servers, [victim.name])


async def test_the_own_key_is_known_without_asking_anybody(world: World) -> None:
    key_id = local_identity().signing_key.key_id
    needs = [Need(SERVER_NAME, key_id, world.now), Need(SERVER_NAME, "ed25519:never", 0)]
    assert list(await world.ring.find(needs)) == [(SERVER_NAME, key_id)]
    assert not world.servers.direct_requests


async def test_a_domain_that_is_no_server_name_is_not_asked(world: World) -> None:
    assert not await world.ring.find([Need("not\0a name", "ed25519:1", 0)])
    assert not world.servers.direct_requests


def test_memory_alone_tells_what_is_missing(world: World) -> None:
    need = Need("a.example", "ed25519:1", 0)
    assert recall([need]) == ({}, {need})
