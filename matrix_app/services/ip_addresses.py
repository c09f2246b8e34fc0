"""IP addresses: which of them belong to hosts of the public Internet, whatever they are wrapped in."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address

# Addresses in which an IPv4 address is wrapped, and where in them it begins (RFC 6052, RFC 4291).
_NAT64: Final = ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ip_network("::/96")


def unwrapped(text: str) -> Address:
    """The IPv4 address that an IPv6 address leads to, where it does, so that none is let in disguised.

    Raises `ValueError` for what is no address.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address
    wrapped = address.ipv4_mapped or address.sixtofour
    if wrapped is None and address.teredo is not None:
        wrapped = address.teredo[1]
    if wrapped is None and (address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF)):
        wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
    return address if wrapped is None else wrapped


def is_of_no_host(address: Address) -> bool:
    """Whether an address is never that of a single host."""
    return address.is_multicast or address.is_unspecified


def is_public(text: str) -> bool:
    """Whether an address is that of a host of the public Internet."""
    address = unwrapped(text)
    return address.is_global and not is_of_no_host(address)
