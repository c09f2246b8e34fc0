"""What aiohttp is told to connect to."""

from __future__ import annotations

import socket

import pytest

from matrix_app.federation.addresses import AddressRule
from matrix_app.federation.discovery import Route, Target
from matrix_app.federation.resolver import GuardedResolver, RouteResolver
from matrix_app.protocol.errors import RemoteUnreachable
from tests.federation.fakes import Addresses

HOSTS = Addresses(
    {
        "public.example": ["2606:4700::1", "8.8.8.8"],
        "mixed.example": ["10.0.0.1", "8.8.4.4"],
        "inside.example": ["10.0.0.1", "::1"],
    }
)
RULE = AddressRule(private=False, allowed=(), denied=())


async def test_ipv6_and_ipv4_addresses_are_both_given_with_the_port_of_the_target() -> None:
    resolver = RouteResolver(HOSTS, RULE)
    route = Route((Target("public.example", 9000),), "x", "x")
    found = await resolver.resolve(resolver.url_host("x", route), 443)
    assert [(item["host"], item["port"], item["family"]) for item in found] == [
        ("2606:4700::1", 9000, socket.AF_INET6),
        ("8.8.8.8", 9000, socket.AF_INET),
    ]


async def test_private_addresses_are_left_out_of_what_a_name_has() -> None:
    found = await GuardedResolver(HOSTS, RULE).resolve("mixed.example", 443)
    assert [item["host"] for item in found] == ["8.8.4.4"]


@pytest.mark.parametrize("host", ["inside.example", "127.0.0.1", "::1", "nowhere.example"])
async def test_a_target_without_a_permitted_address_is_unreachable(host: str) -> None:
    resolver = RouteResolver(HOSTS, RULE)
    name = resolver.url_host("x", Route((Target(host, 1),), "x", "x"))
    with pytest.raises(RemoteUnreachable):
        await resolver.resolve(name, 443)


async def test_the_other_targets_stand_in_for_one_that_has_no_address() -> None:
    resolver = RouteResolver(HOSTS, RULE)
    targets = (Target("nowhere.example", 1), Target("inside.example", 2), Target("mixed.example", 3))
    found = await resolver.resolve(resolver.url_host("x", Route(targets, "x", "x")), 443)
    assert [(item["host"], item["port"]) for item in found] == [("8.8.4.4", 3)]


def test_every_server_name_and_every_delegation_has_a_host_of_its_own() -> None:
    resolver = RouteResolver(HOSTS, RULE)
    here = Route((Target("8.8.8.8", 1),), "hs.example", "hs.example")
    moved = Route((Target("8.8.8.8", 1),), "new.example", "new.example")
    hosts = {
        resolver.url_host("a.example", here),
        resolver.url_host("b.example", here),
        resolver.url_host("a.example:8448", here),
        resolver.url_host("a.example", moved),
    }
    assert len(hosts) == 4
    assert resolver.url_host("a.example", here) in hosts


async def test_a_host_that_was_not_made_here_is_not_resolved() -> None:
    with pytest.raises(RemoteUnreachable):
        await RouteResolver(HOSTS, RULE).resolve("public.example", 443)
