"""Which addresses other servers may be on."""

from __future__ import annotations

import pytest

from matrix_app.federation.addresses import AddressRule

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "::1",
    "fe80::1%eth0",
    "fd00::1",
    # the same in disguise
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NEVER = ["0.0.0.0", "::", "224.0.0.1", "ff02::1"]


def rule(
    *, private: bool = False, allowed: tuple[str, ...] = (), denied: tuple[str, ...] = ()
) -> AddressRule:
    return AddressRule(private=private, allowed=allowed, denied=denied)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_unless_allowed(address: str) -> None:
    assert not rule().permits(address)
    assert rule(private=True).permits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert rule().permits(address)


@pytest.mark.parametrize("address", NEVER)
def test_addresses_of_no_single_host_are_refused_whatever_is_allowed(address: str) -> None:
    assert not rule(private=True, allowed=("0.0.0.0/0", "::/0")).permits(address)


def test_a_network_can_be_allowed_although_it_is_private() -> None:
    lan = rule(allowed=("10.1.0.0/16", "fd00::/8"))
    assert lan.permits("10.1.2.3")
    assert lan.permits("::ffff:10.1.2.3")
    assert lan.permits("fd12::1")
    assert not lan.permits("10.2.0.1")


def test_a_denied_network_is_refused_although_it_is_public_or_allowed() -> None:
    strict = rule(private=True, allowed=("10.0.0.0/8",), denied=("10.6.0.0/16", "8.8.8.0/24"))
    assert strict.permits("10.5.0.1")
    assert not strict.permits("10.6.0.1")
    assert not strict.permits("8.8.8.8")
