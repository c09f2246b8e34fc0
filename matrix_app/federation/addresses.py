"""Which IP addresses other servers may be on: public ones, unless the configuration says more."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from appliance.config.sections.matrix import Federation
from matrix_app.services.ip_addresses import Address, is_of_no_host, unwrapped

Network = IPv4Network | IPv6Network


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
        address = unwrapped(text)
        if is_of_no_host(address) or _within(address, self._denied):
            return False
        return self._private or address.is_global or _within(address, self._allowed)


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
