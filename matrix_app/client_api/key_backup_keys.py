"""The keys in key backups (data/api/client-server/key_backup.yaml)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from orjson import Fragment

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import NotFound
from matrix_app.services.key_backup_keys import KeyBackupData, Rooms, delete_keys, find_keys, store_keys
from matrix_app.storage.key_backup_sessions import BackupSession
from matrix_app.storage.key_backups import BackupVersion

_ALL = "/_matrix/client/v3/room_keys/keys"
_ROOM = "/_matrix/client/v3/room_keys/keys/{room_id}"
_SESSION = "/_matrix/client/v3/room_keys/keys/{room_id}/{session_id}"


class RoomKeyBackup(msgspec.Struct):
    """The keys of one room."""

    sessions: dict[str, KeyBackupData]


class RoomsBody(msgspec.Struct):
    """The body of PUT /room_keys/keys."""

    rooms: dict[str, RoomKeyBackup]


@endpoint("PUT", _ALL, rate="keys")
def put_all(request: Request) -> dict[str, Any]:
    """Store keys of several rooms (PUT /room_keys/keys)."""
    body = request.decode(RoomsBody)
    return _store(request, {room_id: backup.sessions for room_id, backup in body.rooms.items()})


@endpoint("PUT", _ROOM, rate="keys")
def put_room(request: Request) -> dict[str, Any]:
    """Store keys of one room (PUT /room_keys/keys/{roomId})."""
    return _store(request, {request.path["room_id"]: request.decode(RoomKeyBackup).sessions})


@endpoint("PUT", _SESSION, rate="keys")
def put_session(request: Request) -> dict[str, Any]:
    """Store one key (PUT /room_keys/keys/{roomId}/{sessionId})."""
    key = request.decode(KeyBackupData)
    return _store(request, {request.path["room_id"]: {request.path["session_id"]: key}})


@endpoint("GET", _ALL, rate="keys")
def get_all(request: Request) -> dict[str, Any]:
    """The keys of every room (GET /room_keys/keys)."""
    rooms: dict[str, dict[str, Any]] = {}
    for session in _find(request):
        rooms.setdefault(session.room_id, {"sessions": {}})["sessions"][session.session_id] = _key(session)
    return {"rooms": rooms}


@endpoint("GET", _ROOM, rate="keys")
def get_room(request: Request) -> dict[str, Any]:
    """The keys of one room (GET /room_keys/keys/{roomId})."""
    return {"sessions": {session.session_id: _key(session) for session in _find(request)}}


@endpoint("GET", _SESSION, rate="keys")
def get_session(request: Request) -> dict[str, Any]:
    """One key (GET /room_keys/keys/{roomId}/{sessionId})."""
    for session in _find(request):
        return _key(session)
    raise NotFound("Key not found.")


@endpoint("DELETE", _ALL, rate="keys")
def delete_all(request: Request) -> dict[str, Any]:
    """Remove every key (DELETE /room_keys/keys)."""
    return _delete(request)


@endpoint("DELETE", _ROOM, rate="keys")
def delete_room(request: Request) -> dict[str, Any]:
    """Remove the keys of one room (DELETE /room_keys/keys/{roomId})."""
    return _delete(request)


@endpoint("DELETE", _SESSION, rate="keys")
def delete_session(request: Request) -> dict[str, Any]:
    """Remove one key (DELETE /room_keys/keys/{roomId}/{sessionId})."""
    return _delete(request)


def _store(request: Request, keys: Rooms) -> dict[str, Any]:
    requester = request.requester
    version = request.required_query("version")
    return _changed(store_keys(requester.user_nid, requester.device_nid, version, keys))


def _find(request: Request) -> Iterable[BackupSession]:
    return find_keys(
        request.requester.user_nid,
        request.required_query("version"),
        request.path.get("room_id"),
        request.path.get("session_id"),
    )


def _delete(request: Request) -> dict[str, Any]:
    backup = delete_keys(
        request.requester.user_nid,
        request.required_query("version"),
        request.path.get("room_id"),
        request.path.get("session_id"),
    )
    return _changed(backup)


def _changed(backup: BackupVersion) -> dict[str, Any]:
    return {"etag": str(backup.etag), "count": backup.session_count}


def _key(session: BackupSession) -> dict[str, Any]:
    return {
        "first_message_index": session.first_message_index,
        "forwarded_count": session.forwarded_count,
        "is_verified": bool(session.is_verified),
        "session_data": Fragment(session.session_data),
    }
