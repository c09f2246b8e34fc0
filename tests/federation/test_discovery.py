"""Server discovery, in the order of the specification."""

from __future__ import annotations

from collections import Counter

import pytest

from matrix_app.federation.discovery import (
    Discovery,
    Route,
    SrvRecord,
    Target,
    in_order,
    split_server_name,
)
from matrix_app.protocol.errors import RemoteUnreachable
from tests.federation.fakes import Srv, WellKnown

FED = "_matrix-fed._tcp.example.org"
OLD = "_matrix._tcp.example.org"


async def route(
    name: str,
    delegated: dict[str, str] | None = None,
    srv: dict[str, list[SrvRecord]] | None = None,
) -> Route:
    return await Discovery(WellKnown(delegated), Srv(srv)).route(name)


@pytest.mark.parametrize(
    ("name", "target", "certificate"),
    [
        ("1.2.3.4", Target("1.2.3.4", 8448), "1.2.3.4"),
        ("1.2.3.4:80", Target("1.2.3.4", 80), "1.2.3.4"),
        ("[2001:db8::1]", Target("2001:db8::1", 8448), "2001:db8::1"),
        ("[2001:DB8::1]:80", Target("2001:DB8::1", 80), "2001:db8::1"),
    ],
)
async def test_step_1_an_ip_literal_is_connected_to_as_it_is(
    name: str, target: Target, certificate: str
) -> None:
    assert await route(name) == Route((target,), name, certificate)


async def test_step_2_an_explicit_port_is_connected_to_without_asking_anybody() -> None:
    well_known, srv = WellKnown({"example.org": "elsewhere.org"}), Srv({FED: [SrvRecord(1, 1, 1, "x")]})
    found = await Discovery(well_known, srv).route("Example.org:443")
    assert found == Route((Target("Example.org", 443),), "Example.org:443", "example.org")
    assert not well_known.asked
    assert not srv.asked


@pytest.mark.parametrize(
    ("delegated", "target", "certificate"),
    [
        ("1.2.3.4", Target("1.2.3.4", 8448), "1.2.3.4"),
        ("[::9]:90", Target("::9", 90), "::9"),
        ("hs.example.net:443", Target("hs.example.net", 443), "hs.example.net"),
    ],
)
async def test_steps_3_1_and_3_2_a_delegated_address_or_port_is_connected_to(
    delegated: str, target: Target, certificate: str
) -> None:
    found = await route("example.org", {"example.org": delegated})
    assert found == Route((target,), delegated, certificate)


async def test_step_3_3_srv_records_of_the_delegated_name_lead_on_but_its_certificate_counts() -> None:
    srv = {"_matrix-fed._tcp.hs.example.net": [SrvRecord(10, 0, 9000, "box.example.com.")]}
    found = await route("example.org", {"example.org": "hs.example.net"}, srv)
    assert found == Route((Target("box.example.com", 9000),), "hs.example.net", "hs.example.net")


async def test_step_3_4_the_old_service_name_is_asked_for_after_the_new_one() -> None:
    srv = Srv({"_matrix._tcp.hs.example.net": [SrvRecord(10, 0, 9000, "box.example.com")]})
    found = await Discovery(WellKnown({"example.org": "hs.example.net"}), srv).route("example.org")
    assert found.targets == (Target("box.example.com", 9000),)
    assert srv.asked == ["_matrix-fed._tcp.hs.example.net", "_matrix._tcp.hs.example.net"]


async def test_step_3_5_a_delegated_name_without_records_is_on_port_8448() -> None:
    found = await route("example.org", {"example.org": "hs.example.net"})
    assert found == Route((Target("hs.example.net", 8448),), "hs.example.net", "hs.example.net")


async def test_delegation_is_followed_once() -> None:
    delegated = {"example.org": "hs.example.net", "hs.example.net": "third.example.net"}
    assert (await route("example.org", delegated)).host_header == "hs.example.net"


async def test_step_4_without_a_well_known_file_srv_records_of_the_name_lead_on() -> None:
    both = {FED: [SrvRecord(1, 0, 1, "new.example")], OLD: [SrvRecord(1, 0, 2, "old.example")]}
    found = await route("example.org", srv=both)
    assert found == Route((Target("new.example", 1),), "example.org", "example.org")


async def test_step_5_the_old_service_name_still_works() -> None:
    found = await route("example.org", srv={OLD: [SrvRecord(1, 0, 2, "old.example")]})
    assert found == Route((Target("old.example", 2),), "example.org", "example.org")


async def test_step_6_a_name_without_anything_is_on_port_8448() -> None:
    assert await route("example.org") == Route((Target("example.org", 8448),), "example.org", "example.org")


async def test_a_record_that_says_there_is_no_server_is_believed() -> None:
    with pytest.raises(RemoteUnreachable):
        await route("example.org", srv={FED: [SrvRecord(0, 0, 0, ".")]})


async def test_the_dot_at_the_end_of_a_name_is_not_in_its_certificate() -> None:
    found = await route("example.org.", srv={FED: [SrvRecord(1, 0, 1, "box.example.")]})
    assert found == Route((Target("box.example", 1),), "example.org.", "example.org")


def test_records_are_tried_by_priority() -> None:
    records = [SrvRecord(20, 5, 1, "c"), SrvRecord(10, 0, 1, "b"), SrvRecord(10, 5, 1, "a")]
    assert [record.target for record in in_order(records)] == ["a", "b", "c"]


def test_records_of_one_priority_take_turns_by_weight() -> None:
    records = [SrvRecord(1, 30, 1, "heavy"), SrvRecord(1, 10, 1, "light")]
    first = Counter(in_order(records)[0].target for _ in range(4000))
    assert 2.4 < first["heavy"] / first["light"] < 3.8


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("example.org", ("example.org", None, False)),
        ("example.org:1", ("example.org", 1, False)),
        ("1.2.3.4:1", ("1.2.3.4", 1, True)),
        ("1.2.3", ("1.2.3", None, False)),
        ("[::1]", ("::1", None, True)),
        ("[::1]:1", ("::1", 1, True)),
    ],
)
def test_server_names_have_a_host_and_perhaps_a_port(name: str, parts: tuple[str, int | None, bool]) -> None:
    assert tuple(split_server_name(name)) == parts
