"""Connections to real servers: whose they are, whom they trust, and how many there are."""

from __future__ import annotations

import asyncio

import pytest

from matrix_app.protocol.errors import RemoteUnreachable
from tests.federation.certificates import Authority
from tests.federation.conftest import Clients
from tests.federation.https_server import HttpsServer, say_after, say_hello

# The client's threads look after connections to the database that earlier tests made there.
pytestmark = pytest.mark.django_db(transaction=True)

VERSION = "/_matrix/federation/v1/version"


async def test_two_names_on_one_address_never_share_a_connection(
    authority: Authority, clients_of: Clients
) -> None:
    context = authority.server_context("a.example", "b.example")
    async with HttpsServer(context, say_hello).running() as server:
        client = clients_of.make({"a.example": server.port, "b.example": server.port})
        for _ in range(3):
            for name in ("a.example", "b.example"):
                await client.request(name, "GET", VERSION)
    of_a = {seen.connection for seen in server.seen if seen.host == "a.example"}
    of_b = {seen.connection for seen in server.seen if seen.host == "b.example"}
    assert len(of_a) == len(of_b) == 1
    assert not of_a & of_b
    assert {(seen.host, seen.sni) for seen in server.seen} == {(n, n) for n in ("a.example", "b.example")}


async def test_two_names_delegated_to_one_host_do_not_share_its_connections(
    authority: Authority, clients_of: Clients
) -> None:
    async with HttpsServer(authority.server_context("hs.example"), say_hello).running() as server:
        client = clients_of.make(
            {"hs.example": server.port}, delegated={"a.example": "hs.example", "b.example": "hs.example"}
        )
        for _ in range(2):
            for name in ("a.example", "b.example"):
                await client.request(name, "GET", VERSION)
    assert {(seen.host, seen.sni) for seen in server.seen} == {("hs.example", "hs.example")}
    assert len({seen.connection for seen in server.seen}) == 2


async def test_the_certificate_must_be_for_the_delegated_name(
    authority: Authority, clients_of: Clients
) -> None:
    async with HttpsServer(
        authority.server_context("a.example", "box.example"), say_hello
    ).running() as server:
        client = clients_of.make({"hs.example": server.port}, delegated={"a.example": "hs.example"})
        with pytest.raises(RemoteUnreachable, match="certificate"):
            await client.request("a.example", "GET", VERSION)
    assert not server.seen


async def test_a_certificate_of_an_unknown_authority_is_refused(
    authority: Authority, clients_of: Clients
) -> None:
    async with HttpsServer(authority.server_context("a.example"), say_hello).running() as server:
        client = clients_of.make({"a.example": server.port}, ca_file=None)
        with pytest.raises(RemoteUnreachable, match="certificate"):
            await client.request("a.example", "GET", VERSION)
        trusting = clients_of.make({"a.example": server.port}, ca_file=None, verify_certificates=False)
        assert await trusting.request("a.example", "GET", VERSION) == {"hello": "world"}


@pytest.mark.parametrize(("host", "literal"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
async def test_a_server_named_by_its_address_needs_a_certificate_for_the_address(
    authority: Authority, clients_of: Clients, host: str, literal: str
) -> None:
    client = clients_of.make()
    async with HttpsServer(authority.server_context(host), say_hello).running(host) as server:
        name = f"{literal}:{server.port}"
        assert await client.request(name, "GET", VERSION) == {"hello": "world"}
        assert [(seen.host, seen.sni) for seen in server.seen] == [(name, None)]
    async with HttpsServer(authority.server_context("other.example"), say_hello).running(host) as server:
        with pytest.raises(RemoteUnreachable, match="certificate"):
            await client.request(f"{literal}:{server.port}", "GET", VERSION)


async def test_a_server_that_has_only_an_ipv6_address_is_reached(
    authority: Authority, clients_of: Clients
) -> None:
    async with HttpsServer(authority.server_context("a.example"), say_hello).running("::1") as server:
        client = clients_of.make({"a.example": server.port}, address="::1")
        assert await client.request("a.example", "GET", VERSION) == {"hello": "world"}


async def test_loopback_addresses_are_refused_unless_they_are_allowed(
    authority: Authority, clients_of: Clients
) -> None:
    async with HttpsServer(authority.server_context("a.example"), say_hello).running() as server:
        ports = {"a.example": server.port}
        strict = clients_of.make(ports, allow_private_addresses=False)
        with pytest.raises(RemoteUnreachable, match="address"):
            await strict.request("a.example", "GET", VERSION)
        with pytest.raises(RemoteUnreachable, match="address"):
            await strict.request(f"127.0.0.1:{server.port}", "GET", VERSION)
        listed = clients_of.make(ports, allow_private_addresses=False, allowed_networks=("127.0.0.0/8",))
        assert await listed.request("a.example", "GET", VERSION) == {"hello": "world"}


async def test_one_server_gets_no_more_connections_than_configured(
    authority: Authority, clients_of: Clients
) -> None:
    async with HttpsServer(authority.server_context("a.example"), say_after(0.02)).running() as server:
        client = clients_of.make({"a.example": server.port}, connections_per_server=2)
        await asyncio.gather(*(client.request("a.example", "GET", VERSION) for _ in range(8)))
    assert server.most_at_once == 2
    assert len({seen.connection for seen in server.seen}) == 2


async def test_all_servers_together_get_no_more_connections_than_configured(
    authority: Authority, clients_of: Clients
) -> None:
    names = [f"{letter}.example" for letter in "abcdef"]
    async with HttpsServer(authority.server_context(*names), say_after(0.02)).running() as server:
        client = clients_of.make(dict.fromkeys(names, server.port), connections=3)
        await asyncio.gather(*(client.request(name, "GET", VERSION) for name in names))
    assert server.most_at_once == 3


async def test_no_more_connections_are_kept_than_configured(
    authority: Authority, clients_of: Clients
) -> None:
    names = ["a.example", "b.example", "c.example"]
    async with HttpsServer(authority.server_context(*names), say_hello).running() as server:
        client = clients_of.make(dict.fromkeys(names, server.port), connections=2)
        for _ in range(2):
            for name in names:
                await client.request(name, "GET", VERSION)
    connections = {name: {seen.connection for seen in server.seen if seen.host == name} for name in names}
    assert [len(connections[name]) for name in names] == [1, 1, 2]
