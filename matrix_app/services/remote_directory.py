"""Directories of other servers: their aliases and their published rooms."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import NotFound


def resolve(alias: str) -> tuple[str, list[str]]:
    """The room ID of an alias and servers in the room; raises `NotFound` when its server does not tell."""
    raise NotFound("The server of the room alias cannot be reached")


def published_rooms(server: str, query: dict[str, Any]) -> dict[str, Any]:
    """The answer of another server to `POST /publicRooms`; raises `NotFound` when it gives none."""
    raise NotFound(f"The server {server} cannot be reached", errcode="M_UNKNOWN")
