"""Addresses in settings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from appliance.config import Config
from appliance.config.addresses import Listen, local_address, parse_database_url, parse_listen, public_address


@pytest.mark.parametrize(
    ("text", "listen", "bind"),
    [
        ("127.0.0.1:8008", Listen("127.0.0.1", 8008), "127.0.0.1:8008"),
        ("[::1]:80", Listen("::1", 80), "[::1]:80"),
        ("localhost:0", Listen("localhost", 0), "localhost:0"),
        ("unix:/run/h.sock", Listen("", 0, "/run/h.sock"), "unix:/run/h.sock"),
    ],
)
def test_an_address_to_listen_on_is_read_and_written(text: str, listen: Listen, bind: str) -> None:
    assert parse_listen(text) == listen
    assert parse_listen(text).bind() == bind


@pytest.mark.parametrize("text", ["", "8008", "host", "::1:80", "[::1]", "host:port", "host:65536", "unix:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not host|absolute"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("listening", "found"),
    [
        (("0.0.0.0:8008", "[::]:8008"), "http://127.0.0.1:8008"),
        (("unix:/run/h.sock", "[::]:81"), "http://[::1]:81"),
        (("192.0.2.7:80",), "http://192.0.2.7:80"),
        (("unix:/run/h.sock",), ""),
    ],
)
def test_a_browser_on_this_machine_is_told_an_address_that_it_can_connect_to(
    listening: tuple[str, ...], found: str
) -> None:
    plain = Config()
    config = msgspec.structs.replace(plain, server=msgspec.structs.replace(plain.server, listen=listening))
    assert local_address(config) == found
    if found:
        assert public_address(config) == found


def test_an_sqlite_file_starts_at_the_data_folder_unless_it_is_absolute() -> None:
    assert parse_database_url("sqlite:///a.db", Path("/data")).name == "/data/a.db"
    assert parse_database_url("sqlite:////tmp/a.db", Path("/data")).name == "/tmp/a.db"


def test_a_postgresql_url_holds_everything_that_a_connection_needs() -> None:
    found = parse_database_url("postgresql://me:p%40ss@db.example:5433/hearth?sslmode=require", Path("/"))
    assert found.django() == {
        "ENGINE": "matrix_app.storage.postgresql",
        "NAME": "hearth",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "5433",
    }
    assert found.options == (("sslmode", "require"),)


def test_a_postgresql_url_may_name_a_unix_socket() -> None:
    found = parse_database_url("postgresql:///hearth?host=/var/run/postgresql&user=me", Path("/"))
    assert (found.host, found.user, found.options) == ("/var/run/postgresql", "me", ())
