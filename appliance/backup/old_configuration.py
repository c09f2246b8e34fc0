"""What the configuration in a backup says: where clients found the server when it was made."""

from __future__ import annotations

import tarfile
import tempfile
import tomllib
from typing import Any, Final

from appliance.backup import layout
from appliance.backup.errors import BackupError
from appliance.backup.parts import OpenBackup
from appliance.config import get_config
from appliance.config.environment import merge
from matrix_app.protocol.said import said

_SETUP: Final = "config/setup.toml"
_MOST_BYTES: Final = 1 << 20


def old_address(opened: OpenBackup) -> str:
    """The `server.public_baseurl` of the server that made a backup; empty where it does not say."""
    found: dict[str, Any] = {}
    for table in _tables(opened):
        merge(found, table)
    server = found.get("server")
    address = server.get("public_baseurl") if isinstance(server, dict) else None
    return address if isinstance(address, str) else ""


def _tables(opened: OpenBackup) -> list[dict[str, Any]]:
    """What was read first comes first: later files win over it."""
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryFile(dir=get_config().server.data_dir) as stream:
        opened.pour(layout.FILES, stream)
        stream.seek(0)
        try:
            with tarfile.open(fileobj=stream) as archive:
                for member in archive:
                    if member.isfile() and member.name.startswith("config/") and member.size < _MOST_BYTES:
                        found[member.name] = _parsed(archive, member)
        except tarfile.TarError as fault:
            raise BackupError(said("The archive of keys cannot be read: {fault}", fault=fault)) from fault
    return [found[name] for name in sorted(found, key=lambda name: (name != _SETUP, name))]


def _parsed(archive: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    source = archive.extractfile(member)
    try:
        return tomllib.loads(source.read().decode()) if source else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}  # of a server that could not have started with it
