"""Versions of key backups (data/api/client-server/key_backup.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec
from orjson import Fragment

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import key_backup
from matrix_app.storage.key_backups import BackupVersion

_VERSIONS = "/_matrix/client/v3/room_keys/version"
_VERSION = "/_matrix/client/v3/room_keys/version/{version}"


class NewVersion(msgspec.Struct):
    """The body of POST /room_keys/version."""

    algorithm: str
    auth_data: dict[str, Any] | str


class ChangedVersion(msgspec.Struct):
    """The body of PUT /room_keys/version/{version}."""

    algorithm: str
    auth_data: dict[str, Any] | str
    version: str | None = None


@endpoint("POST", _VERSIONS, rate="keys")
def post_version(request: Request) -> dict[str, str]:
    """Begin a new backup (POST /room_keys/version)."""
    body = request.decode(NewVersion)
    version = key_backup.create_version(request.requester.user_nid, body.algorithm, body.auth_data)
    return {"version": version}


@endpoint("GET", _VERSIONS, rate="keys")
def get_newest_version(request: Request) -> dict[str, Any]:
    """The newest backup (GET /room_keys/version)."""
    return _described(key_backup.newest_version(request.requester.user_nid))


@endpoint("GET", _VERSION, rate="keys")
def get_version(request: Request) -> dict[str, Any]:
    """One backup (GET /room_keys/version/{version})."""
    return _described(key_backup.find_version(request.requester.user_nid, request.path["version"]))


@endpoint("PUT", _VERSION, rate="keys")
def put_version(request: Request) -> dict[str, Any]:
    """Change the `auth_data` of a backup (PUT /room_keys/version/{version})."""
    body = request.decode(ChangedVersion)
    key_backup.update_version(
        request.requester.user_nid, request.path["version"], body.algorithm, body.auth_data, body.version
    )
    return {}


@endpoint("DELETE", _VERSION, rate="keys")
def delete_version(request: Request) -> dict[str, Any]:
    """Delete a backup with its keys (DELETE /room_keys/version/{version})."""
    key_backup.delete_version(request.requester.user_nid, request.path["version"])
    return {}


def _described(backup: BackupVersion) -> dict[str, Any]:
    return {
        "version": str(backup.version),
        "algorithm": backup.algorithm,
        "auth_data": Fragment(backup.auth_data),
        "etag": str(backup.etag),
        "count": backup.session_count,
    }
