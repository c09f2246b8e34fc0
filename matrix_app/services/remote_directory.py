"""Directories of other servers: their aliases and their published rooms."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.protocol.errors import InvalidParam, MatrixError, NotFound
from matrix_app.protocol.ids import domain_of, is_server_name, parse_room_id
from matrix_app.services.remote_servers import request

_BASE: Final = "/_matrix/federation/v1"
# Somebody waits for the answer.
_TIMEOUT: Final = 15.0


def resolve(alias: str) -> tuple[str, list[str]]:
    """The room ID of an alias and servers in the room; raises `NotFound` when its server does not tell."""
    server = domain_of(alias)
    path = f"{_BASE}/query/directory"
    try:
        answer = request(server, "GET", path, query={"room_alias": alias}, timeout=_TIMEOUT)
    except MatrixError as error:
        raise NotFound(f"The server of the room alias does not know it: {error.message}") from error
    room_id, servers = (answer.get("room_id"), answer.get("servers")) if isinstance(answer, dict) else (0, 0)
    if not isinstance(room_id, str) or not isinstance(servers, list):
        raise NotFound("The server of the room alias gave no answer that makes sense")
    try:
        parse_room_id(room_id)
    except InvalidParam:
        raise NotFound("The room alias leads to no room") from None
    return room_id, [name for name in servers if isinstance(name, str) and is_server_name(name)]


def published_rooms(server: str, query: dict[str, Any]) -> dict[str, Any]:
    """The answer of another server to `POST /publicRooms`; raises `NotFound` when it gives none."""
    try:
        answer = request(server, "POST", f"{_BASE}/publicRooms", content=query, timeout=_TIMEOUT)
    except MatrixError as error:
        message = f"The directory of {server} cannot be read: {error.message}"
        raise NotFound(message, errcode="M_UNKNOWN") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("chunk"), list):
        raise NotFound(f"{server} gave no answer that makes sense", errcode="M_UNKNOWN")
    return answer
