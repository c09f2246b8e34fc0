"""What the launchers of tests and benchmarks write is a configuration that Hearth accepts."""

from __future__ import annotations

import tomllib
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from appliance.config import Config, load_config
from tests.bench import target
from tests.real_server import LENIENT
from tests.toml_text import Tables, merged, toml_text

HERE = Path(__file__).resolve().parent
SQLITE = {"type": "sqlite", "path": "/tmp/with space/hs.db"}
POSTGRES = {"type": "postgres", "name": "a", "user": "u", "password": "p@:", "host": "h", "port": 5432}


def accepted(folder: Path, tables: Tables) -> Config:
    file = folder / "hearth.toml"
    file.write_text(toml_text(tables), encoding="utf-8")
    return load_config({"HEARTH_CONFIG": str(file)})


def sytest_launcher() -> ModuleType:
    loader = SourceFileLoader("sytest_launch", str(HERE / "sytest/launch"))
    module = ModuleType(loader.name)
    module.__file__ = loader.path
    loader.exec_module(module)
    return module


def sytest_settings(database: dict[str, Any]) -> dict[str, Any]:
    """What SyTest gives its first server."""
    return {
        "server_name": "localhost:9100", "public_baseurl": "https://localhost:9100", "bind_host": "localhost",
        "http_port": 9101, "state_directory": "/tmp/state", "default_room_version": "10",
        "database": database, "allow_guest_access": True, "rate_limits": False,
        "federation_ca_path": "/tmp/ca.crt", "trusted_key_servers": [], "signing_key_path": "/tmp/key",
        "verify_other_tls": False, "media_directory": "/tmp/media", "url_preview_enabled": True,
        "allow_room_list_publication": True, "allow_public_rooms_without_auth": True,
        "allow_public_rooms_over_federation": True, "enable_ephemeral_messages": True,
        "app_service_config_files": ["/tmp/as.yaml"], "cas": {"server_url": "https://localhost:1/cas"},
        "smtp": {"host": "localhost", "port": "2525", "from": "a@b"},
        "recaptcha": {"siteverify_api": "https://localhost:1/r", "public_key": "a", "private_key": "b"},
    }  # fmt: skip


def test_toml_comes_back_as_it_was_written() -> None:
    tables = {"a": {"s": 'ü "\\\n', "n": 1, "f": 0.5, "b": False, "l": ["x", 2], "t": {"k": "v"}}}
    assert tomllib.loads(toml_text(tables)) == tables


def test_the_last_layer_counts() -> None:
    assert merged({"a": {"x": 1, "y": 1}}, {"a": {"y": 2}, "b": {}}) == {"a": {"x": 1, "y": 2}, "b": {}}


def test_the_settings_of_test_servers_are_accepted(tmp_path: Path) -> None:
    config = accepted(tmp_path, LENIENT)
    assert config.registration.mode == "open"
    assert not config.rate_limits.enabled


@pytest.mark.parametrize("database", [SQLITE, POSTGRES], ids=["sqlite", "postgresql"])
def test_the_settings_of_sytest_are_accepted(tmp_path: Path, database: dict[str, Any]) -> None:
    config = accepted(tmp_path, sytest_launcher().tables(sytest_settings(database)))
    assert config.server.listen == ("localhost:9101",)
    assert config.federation.ca_file == Path("/tmp/ca.crt")
    assert not config.outgoing.verify_certificates
    assert (config.mail.host, config.mail.port, config.mail.security) == ("localhost", 2525, "none")


def test_the_settings_of_benchmarks_are_accepted(tmp_path: Path) -> None:
    config = accepted(tmp_path, target.configuration(tmp_path, 18000, "sqlite:///x.sqlite3"))
    assert config.server.name == "127.0.0.1:18001"
    assert config.password_policy == Config().password_policy
