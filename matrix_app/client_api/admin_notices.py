"""Server notices, as the tools that were made for Synapse ask for them."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.client_api.admin_query import V1, actor_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.services.send_notice import send_notice


class NoticeBody(msgspec.Struct):
    """Whom to tell what."""

    user_id: str
    content: dict[str, Any]
    type: str = "m.room.message"
    state_key: str | None = None


@endpoint("POST", f"{V1}/send_server_notice", auth=Auth.ADMIN, body=NoticeBody, rate="write")
@endpoint("PUT", f"{V1}/send_server_notice/{{txn_id}}", auth=Auth.ADMIN, body=NoticeBody, rate="write")
def send_server_notice(request: Request) -> dict[str, str]:
    """Send a notice to a user; one that is repeated with its transaction ID is sent once."""
    body, txn_id = request.decode(NoticeBody), request.path.get("txn_id")
    event_id = send_notice(
        actor_of(request),
        body.user_id,
        body.content,
        event_type=body.type,
        state_key=body.state_key,
        txn_id=None if txn_id is None else f"{request.requester.user_nid}.{txn_id}",
    )
    return {"event_id": event_id}
