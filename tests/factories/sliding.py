"""Sliding syncs within the process, and a client that follows them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
from django.test import RequestFactory

from matrix_app.client_api.sliding_sync import PATH
from matrix_app.http.authentication import authenticate
from matrix_app.http.dispatch import make_request, router
from matrix_app.sync.hub import hub
from tests.factories.client import Client
from tests.factories.syncing import follow

_requests = RequestFactory()

# What Element X asks of every room in its list.
STATE = [
    ["m.room.name", ""],
    ["m.room.encryption", ""],
    ["m.room.member", "$LAZY"],
    ["m.room.member", "$ME"],
    ["m.room.topic", ""],
    ["m.room.create", ""],
    ["m.space.child", "*"],
]


def room_list(end: int = 19, limit: int = 1, state: Any = STATE, **fields: Any) -> dict[str, Any]:
    """A list of the first rooms."""
    return {"ranges": [[0, end]], "timeline_limit": limit, "required_state": state, **fields}


def begin_sliding(client: Client, pos: str | None = None, timeout: int = 0, **body: Any) -> Any:
    """Call the handler; its outcome may be a `Wait`."""
    hub().catch_up()
    endpoint, parameters = router().find("POST", PATH)
    query = {"timeout": timeout} if pos is None else {"timeout": timeout, "pos": pos}
    http = _requests.post(
        f"{PATH}?{urlencode(query)}",
        orjson.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {client.token}"},
    )
    request = make_request(http, parameters)
    authenticate(endpoint, request)
    return endpoint.handler(request)


def sliding(client: Client, pos: str | None = None, **body: Any) -> dict[str, Any]:
    """The body of an answer, without waiting."""
    answer: dict[str, Any] = orjson.loads(follow(begin_sliding(client, pos, **body)))
    return answer


def texts(room: dict[str, Any]) -> list[str]:
    """The texts of the messages in the timeline of a room."""
    return [event["content"]["body"] for event in room.get("timeline", ()) if "body" in event["content"]]


def types(events: list[dict[str, Any]]) -> list[str]:
    """The types of events, in order of the alphabet."""
    return sorted(event["type"] for event in events)


class Follower:
    """A connection that goes on from one answer to the next."""

    def __init__(self, client: Client, conn_id: str = "", **body: Any) -> None:
        self.client = client
        self.body: dict[str, Any] = {"conn_id": conn_id, **body}
        self.pos: str | None = None

    def sync(self, **changed: Any) -> dict[str, Any]:
        """The next answer; `changed` fields of the request stay for later ones."""
        self.body.update(changed)
        answer = sliding(self.client, self.pos, **self.body)
        self.pos = answer["pos"]
        return answer
