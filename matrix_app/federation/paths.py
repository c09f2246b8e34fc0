"""The paths of the server-server API."""

from __future__ import annotations

from urllib.parse import quote


def federation_path(version: str, *segments: str) -> str:
    """The path of an endpoint, such as `federation_path("v1", "event", event_id)`."""
    return "/".join(("/_matrix/federation", version, *(quote(segment, safe="") for segment in segments)))
