"""Which IP addresses other servers may be on: public ones, unless the configuration says more."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from appliance.config.sections.matrix import Federation

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Addresses in which an IPv4 address is wrapped, and where in them it begins (RFC 6052, RFC 4291).
_NAT64: Final = ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ip_network("::/96")


class AddressRule:
    """Tells addresses that may be connected to from those that may not."""

    def __init__(self, *, private: bool, allowed: Iterable[str], denied: Iterable[str]) -> None:
        self._private = private
        self._allowed = _networks(allowed)
        self._denied = _networks(denied)

    @classmethod
    def of(cls, federation: Federation) -> AddressRule:
        """The rule of the configuration."""
        return cls(
            private=federation.allow_private_addresses,
            allowed=federation.allowed_networks,
            denied=federation.denied_networks,
        )

    def permits(self, text: str) -> bool:
        """Whether the address may be connected to. `denied` counts for more than `allowed`."""
        address = _plain(ip_address(text.partition("%")[0]))
        if address.is_multicast or address.is_unspecified or _within(address, self._denied):
            return False
        return self._private or address.is_global or _within(address, self._allowed)


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, where it does, so that none is let in disguised."""
    if isinstance(address, IPv4Address):
        return address
    wrapped = address.ipv4_mapped or address.sixtofour
    if wrapped is None and address.teredo is not None:
        wrapped = address.teredo[1]
    if wrapped is None and (address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF)):
        wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
    return address if wrapped is None else wrapped
