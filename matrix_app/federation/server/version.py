"""Which program this server is (data/api/server-server/version.yaml)."""

from __future__ import annotations

from typing import Any

from appliance.version import VERSION
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request


@endpoint("GET", "/_matrix/federation/v1/version", auth=Auth.NONE, rate="federation")
def version(request: Request) -> dict[str, Any]:
    """The implementation's name and version (GET /_matrix/federation/v1/version)."""
    return {"server": {"name": "Hearth", "version": VERSION}}
