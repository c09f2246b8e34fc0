"""Which copy of the server answers: for the server's own check that there is but one."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.services.instance import public_name


@endpoint("GET", "/_hearth/instance", auth=Auth.NONE)
def instance(request: Request) -> dict[str, Any]:
    """A name that a restored copy of this server does not have (GET /_hearth/instance)."""
    return {"instance": public_name()}
