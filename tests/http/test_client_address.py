"""Whose request it is, as far as a proxy is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import msgspec
import pytest
from structlog.testing import capture_logs

from appliance.config import get_config, use_config
from matrix_app.http import client_address as module
from matrix_app.http.client_address import came_over_https, client_address

Trust = Callable[..., None]


def forget() -> None:
    for cached in (module._trusted, module._is_trusted, module._tell_of_untrusted):
        cached.cache_clear()


@pytest.fixture
def trust() -> Iterator[Trust]:
    """Name the proxies that are trusted."""
    config = get_config()
    with ExitStack() as stack:

        def named(*proxies: str) -> None:
            forget()
            server = msgspec.structs.replace(config.server, trusted_proxies=proxies)
            stack.enter_context(use_config(msgspec.structs.replace(config, server=server)))

        yield named
    forget()


def test_a_proxy_that_is_trusted_says_who_asks(trust: Trust) -> None:
    trust("10.88.0.1", "172.16.0.0/12")
    assert client_address("10.88.0.1", "198.51.100.7") == "198.51.100.7"
    assert client_address("172.20.3.4", "2001:db8::9") == "2001:db8::9"
    assert came_over_https("10.88.0.1", "https")
    assert not came_over_https("10.88.0.1", "http")


def test_only_what_the_last_trusted_proxy_added_counts(trust: Trust) -> None:
    trust("10.88.0.1", "10.88.0.2")
    assert client_address("10.88.0.1", "203.0.113.1, 198.51.100.7, 10.88.0.2") == "198.51.100.7"


def test_nobody_else_can_say_who_asks(trust: Trust) -> None:
    trust("10.88.0.1")
    assert client_address("10.88.0.3", "198.51.100.7") == "10.88.0.3"
    assert not came_over_https("10.88.0.3", "https")


def test_the_other_end_of_a_unix_socket_is_believed(trust: Trust) -> None:
    trust()
    assert client_address(None, "198.51.100.7") == "198.51.100.7"
    assert came_over_https(None, "https")


def test_a_proxy_nearby_that_is_not_trusted_is_told_of_once(trust: Trust) -> None:
    trust("127.0.0.1")
    with capture_logs() as lines:
        for _ in range(3):
            client_address("10.88.0.1", "198.51.100.7")
        client_address("8.8.8.8", "198.51.100.7")
        client_address("10.88.0.9", None)
    assert [line["peer"] for line in lines] == ["10.88.0.1"]
    assert "server.trusted_proxies" in lines[0]["event"]
