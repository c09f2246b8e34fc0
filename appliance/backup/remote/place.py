"""Where things are elsewhere: below the server's name, as in the folder of backups.

SERVER/2026-01-31T033000Z/manifest.json     written last: without it, a backup is not there
SERVER/2026-01-31T033000Z/files.tar         and the other parts
SERVER/pool/...                             files of media, each once for all backups
"""

from __future__ import annotations

import re
from typing import Final

from appliance.backup.age import Source
from appliance.backup.errors import BackupError
from appliance.backup.layout import ID, POOL
from appliance.backup.manifest import FILE, Manifest, parse_manifest
from appliance.backup.remote.store import RemoteError, RemoteStore
from appliance.config import get_config
from matrix_app.protocol.said import said

MOST_MANIFEST_BYTES: Final = 4 << 20
_READ: Final = 1 << 16


def own_folder(server_name: str | None = None) -> str:
    """The folder of a server, by default this one."""
    return re.sub(r"[^a-z0-9.-]", "_", (server_name or get_config().server.name).lower())


def backups_in(store: RemoteStore, server: str) -> list[Manifest]:
    """The whole backups in the folder of a server, the newest first; what cannot be read is left out."""
    found = []
    for name in sorted(filter(ID.fullmatch, store.folders(server)), reverse=True):
        try:
            found.append(manifest_in(store, server, name))
        except RemoteError:
            raise
        except BackupError:
            continue
    return found


def manifest_in(store: RemoteStore, server: str, name: str) -> Manifest:
    """The manifest of a backup; raises `BackupError` when it is not there as a whole."""
    return parse_manifest(manifest_bytes(store, server, name), f"{store.title}/{server}/{name}/{FILE}")


def manifest_bytes(store: RemoteStore, server: str, name: str) -> bytes:
    """As it lies there."""
    try:
        with store.get(f"{server}/{name}/{FILE}") as source:
            return _bounded(source, f"{store.title}/{server}/{name}/{FILE}")
    except FileNotFoundError:
        raise BackupError(
            said("There is no backup {name} at {title}/{server}", name=name, title=store.title, server=server)
        ) from None


def _bounded(source: Source, where: str) -> bytes:
    found = bytearray()
    while chunk := source.read(_READ):
        found += chunk
        if len(found) > MOST_MANIFEST_BYTES:
            raise BackupError(said("{where} is too large to be a manifest", where=where))
    return bytes(found)


def pool_name(server: str, name: str) -> str:
    """Where a file of the pool is."""
    return f"{server}/{POOL}/{name}"
