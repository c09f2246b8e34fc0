"""What application services ask of this server beside what everybody does."""

from __future__ import annotations

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.appservice_queries import ping


class PingBody(msgspec.Struct):
    """The body of POST /appservice/{appserviceId}/ping."""

    transaction_id: str | None = None


@endpoint(
    "POST",
    "/_matrix/client/v1/appservice/{appservice_id}/ping",
    "/_matrix/client/unstable/fi.mau.msc2659/appservice/{appservice_id}/ping",
    slow=True,
)
def ping_appservice(request: Request) -> dict[str, int]:
    """Whether this server reaches the service that asks (POST /appservice/{appserviceId}/ping)."""
    body = request.decode(PingBody)
    asking = request.requester.appservice_id
    return {"duration_ms": ping(request.path["appservice_id"], asking, body.transaction_id)}
