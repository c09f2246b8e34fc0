"""What a proxy is told of this server."""

from __future__ import annotations

import msgspec
import pytest

from appliance.config import Config
from appliance.config.addresses import parse_listen
from appliance.proxy.site import NoSite, Site, site_of


def config(name: str = "example.org", base: str = "https://matrix.example.org", *listen: str) -> Config:
    plain = Config()
    server = msgspec.structs.replace(
        plain.server, name=name, public_baseurl=base, listen=listen or plain.server.listen
    )
    return msgspec.structs.replace(plain, server=server)


def test_the_domain_of_the_users_may_be_another_than_where_clients_go() -> None:
    assert site_of(config()) == Site(
        name="example.org",
        host="matrix.example.org",
        https_port=443,
        federation_port=8448,
        upstream="127.0.0.1:8008",
        max_body_bytes=52_428_800,
        timeout_seconds=600,
    )
    assert site_of(config()).delegates
    assert not site_of(config(base="https://example.org/")).delegates


def test_ports_in_the_names_are_kept() -> None:
    site = site_of(config("Example.org:9448", "https://example.org:9443"))
    assert (site.name, site.federation_port, site.host, site.https_port) == (
        "example.org",
        9448,
        "example.org",
        9443,
    )


def test_a_body_that_is_a_little_larger_than_a_mebibyte_has_room() -> None:
    assert site_of(config())._replace(max_body_bytes=1_048_577).max_body_mib == 2


@pytest.mark.parametrize(
    ("listen", "upstream"),
    [
        ("0.0.0.0:8008", "127.0.0.1:8008"),
        ("[::]:81", "[::1]:81"),
        ("10.1.2.3:8008", "10.1.2.3:8008"),
    ],
)
def test_the_proxy_connects_to_where_hearth_listens(listen: str, upstream: str) -> None:
    assert (
        site_of(config("example.org", "https://example.org", "unix:/run/h.sock", listen)).upstream == upstream
    )


@pytest.mark.parametrize("told", ["hearth:8008", "[fd00::1]:8008", "unix:/socket/hearth.sock"])
def test_the_owner_may_say_where_the_proxy_finds_hearth(told: str) -> None:
    assert site_of(config(), parse_listen(told)).upstream == told


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (config(base=""), "set server.public_baseurl"),
        (config(base="http://example.org"), "https://"),
        (config("localhost", "https://example.org"), "localhost is no name"),
        (config("192.0.2.1", "https://example.org"), "is an address"),
        (config("example.org", "https://example.org", "unix:/run/h.sock"), "no host:port"),
    ],
)
def test_what_is_missing_is_said(wrong: Config, said: str) -> None:
    with pytest.raises(NoSite, match=said):
        site_of(wrong)
