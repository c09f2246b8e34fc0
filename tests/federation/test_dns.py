"""SRV records from a real name server on loopback, and addresses from the system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from matrix_app.federation.discovery import SrvRecord
from matrix_app.federation.dns import FAILED_SECONDS, NONE_SECONDS, DnsSrvLookup, SystemAddressLookup
from matrix_app.protocol.errors import RemoteUnreachable
from tests.federation.fakes import Clock

NAME = "_matrix-fed._tcp.a.example"
RECORDS = (SrvRecord(10, 5, 8448, "box.example"), SrvRecord(20, 0, 443, "spare.example"))


class NameServer(asyncio.DatagramProtocol):
    """Knows one name, fails for another, and has never heard of the rest."""

    ttl = 3600

    def __init__(self) -> None:
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own transports are not declared to be what they are.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name == NAME:
            lines = [f"{r.priority} {r.weight} {r.port} {r.target}." for r in RECORDS]
            response.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", "SRV", *lines))
        else:
            response.set_rcode(dns.rcode.REFUSED if name == "broken.example" else dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), addr)


@pytest.fixture
async def name_server() -> AsyncIterator[NameServer]:
    """A name server on a loopback port."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    yield protocol
    transport.close()


def lookup_at(name_server: NameServer, clock: Clock) -> DnsSrvLookup:
    def make() -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = name_server.transport.get_extra_info("sockname")[1]
        return resolver

    return DnsSrvLookup(make, clock)


async def test_records_are_kept_as_long_as_they_say(name_server: NameServer) -> None:
    clock = Clock()
    lookup = lookup_at(name_server, clock)
    assert sorted(await lookup.records(NAME)) == list(RECORDS)
    clock.now += 3590
    assert sorted(await lookup.records(NAME.upper())) == list(RECORDS)
    assert name_server.asked == [NAME]
    clock.now += 20
    await lookup.records(NAME)
    assert len(name_server.asked) == 2


async def test_records_that_say_they_are_good_for_no_time_are_kept_for_a_minute(
    name_server: NameServer,
) -> None:
    name_server.ttl = 0
    clock = Clock()
    lookup = lookup_at(name_server, clock)
    await lookup.records(NAME)
    clock.now += 59
    await lookup.records(NAME)
    assert len(name_server.asked) == 1


async def test_that_there_are_none_is_remembered_too(name_server: NameServer) -> None:
    clock = Clock()
    lookup = lookup_at(name_server, clock)
    assert not await lookup.records("none.example")
    clock.now += NONE_SECONDS - 1
    assert not await lookup.records("none.example")
    assert name_server.asked == ["none.example"]
    clock.now += 2
    await lookup.records("none.example")
    assert len(name_server.asked) == 2


async def test_a_name_server_that_fails_counts_as_no_records_for_a_short_while(
    name_server: NameServer,
) -> None:
    clock = Clock()
    lookup = lookup_at(name_server, clock)
    assert not await lookup.records("broken.example")
    asked = len(name_server.asked)
    clock.now += FAILED_SECONDS + 1
    assert not await lookup.records("broken.example")
    assert len(name_server.asked) == 2 * asked


async def test_names_that_dns_cannot_ask_for_have_no_records(name_server: NameServer) -> None:
    lookup = lookup_at(name_server, Clock())
    assert not await lookup.records("_matrix-fed._tcp." + "a" * 64 + ".example")


async def test_addresses_come_from_the_system() -> None:
    lookup = SystemAddressLookup()
    assert set(await lookup.addresses("LocalHost")) <= {"127.0.0.1", "::1"}
    assert await lookup.addresses("::1") == ("::1",)
    lookup.close()


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "no-such-host.invalid", "a..b"])
async def test_a_host_without_an_address_is_unreachable(host: str) -> None:
    lookup = SystemAddressLookup()
    for _ in range(2):
        with pytest.raises(RemoteUnreachable):
            await lookup.addresses(host)
    lookup.close()
