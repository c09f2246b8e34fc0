"""What an owner writes elsewhere: records of DNS, `.well-known` files, and the proxy's configuration."""

from __future__ import annotations

import json
import socket
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from appliance.config import Config
from appliance.config.addresses import public_address
from appliance.proxy.render import KINDS, render
from appliance.proxy.site import NoSite, site_of, usual_certificates

_KINDS: Final = {"caddy": "Caddy", "nginx": "nginx", "traefik": "Traefik", "apache": "Apache"}


class Snippet(NamedTuple):
    """A text to copy, and where it belongs."""

    title: Promise | str
    text: str


def all_of(config: Config) -> list[Snippet]:
    """Everything that a server of these names needs; the addresses are for the owner to fill in."""
    return [
        Snippet(_("Records of DNS"), dns_records(config)),
        *proxies(config),
        Snippet(_("/.well-known/matrix/server, at the name of the server"), well_known_server(config)),
        Snippet(_("/.well-known/matrix/client, at the name of the server"), well_known_client(config)),
    ]


def proxies(config: Config) -> list[Snippet]:
    """The configuration for each proxy that Hearth knows; none as long as the server has no public name."""
    try:
        site = site_of(config)
    except NoSite:
        return []
    return [
        Snippet(
            format_lazy(_("Proxy: {kind}"), kind=_KINDS[kind]),
            render(kind, site, usual_certificates(kind, site)),
        )
        for kind in KINDS
    ]


class Record(NamedTuple):
    """A record of DNS that a name should have; without a value where this machine does not know it."""

    host: str
    kind: str
    value: str


def records(config: Config) -> list[Record]:
    """The records for both names, with the public addresses of this machine where it knows them."""
    hosts = [host for host in dict.fromkeys((_name(config), _host(config))) if not _is_address(host)]
    four, six = _public_address(socket.AF_INET, "192.0.2.1"), _public_address(socket.AF_INET6, "2001:db8::1")
    return [Record(host, kind, value) for host in hosts for kind, value in (("A", four), ("AAAA", six))]


def dns_records(config: Config) -> str:
    """These records as lines of a zone file, for the owner to fill in what is not known."""
    found, unknown = records(config), {"A": "<IPv4 address>", "AAAA": "<IPv6 address>"}
    width = max((len(one.host) for one in found), default=0) + 1
    return "\n".join(
        f"{one.host + '.':<{width}}  {one.kind:<4}  {one.value or unknown[one.kind]}" for one in found
    )


def _public_address(family: socket.AddressFamily, towards: str) -> str:
    """The address from which this machine speaks to the world; empty behind a router. Nothing is sent."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((towards, 9))
            found = str(probe.getsockname()[0])
    except OSError:  # no way there, so no address either
        return ""
    return found if ip_address(found).is_global else ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def well_known_server(config: Config) -> str:
    """Where other servers find this one."""
    address = urlsplit(public_address(config))
    port = address.port or (443 if address.scheme == "https" else 80)
    return json.dumps({"m.server": f"{_host(config)}:{port}"})


def well_known_client(config: Config) -> str:
    """Where clients find this server; pages of other origins must be allowed to read it."""
    return json.dumps({"m.homeserver": {"base_url": public_address(config)}})


def _name(config: Config) -> str:
    return urlsplit(f"//{config.server.name}").hostname or config.server.name


def _host(config: Config) -> str:
    return urlsplit(public_address(config)).hostname or "localhost"
