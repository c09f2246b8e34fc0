"""Names as name servers elsewhere know them: which servers to ask, and which names make sense there."""

from __future__ import annotations

from typing import Final

from appliance.config import get_config
from appliance.config.sections.diagnostics import AUTHORITATIVE
from appliance.diagnostics.outside import NoAnswer, outside
from appliance.diagnostics.own_names import OwnNames, is_private_name, nameless, own_names
from appliance.diagnostics.result import Result, skipped

# How many name servers of a domain are asked; most have from two to four.
MOST_AUTHORITATIVE: Final = 2


def public_names() -> tuple[OwnNames, list[str]] | Result:
    """The names of this server that the Internet's DNS should know; or what to say where there are none."""
    names = own_names()
    if names is None:
        return nameless()
    found = [host for host in names.hosts if not is_private_name(host)]
    if not found:
        return skipped("The names are those of a private network")
    return names, found


def recursive_servers() -> list[str]:
    """The public name servers of `diagnostics.resolvers`, which find any name."""
    return [server for server in get_config().diagnostics.resolvers if server != AUTHORITATIVE]


def authoritative_servers(name: str) -> list[str]:
    """Addresses of the name servers of the domain that a name is in, as far as they are wanted."""
    if AUTHORITATIVE not in get_config().diagnostics.resolvers:
        return []
    hosts: tuple[str, ...] = ()
    for zone in above(name):
        hosts = outside().dns(zone, "NS").records
        if hosts:
            break
    return [address for host in hosts[:MOST_AUTHORITATIVE] if (address := _address(host))]


def _address(host: str) -> str:
    try:
        found = outside().dns(host.rstrip("."), "A").records
    except NoAnswer:
        return ""  # the other name servers of the domain do
    return found[0] if found else ""


def above(name: str) -> list[str]:
    """A name and what it is below, without the top: a.b.example, b.example."""
    labels = name.rstrip(".").split(".")
    return [".".join(labels[at:]) for at in range(len(labels) - 1)]
