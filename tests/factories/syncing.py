"""Syncs within the process: the waiting endpoint's handler, followed to its end."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
from django.test import RequestFactory

from matrix_app.http.authentication import authenticate
from matrix_app.http.dispatch import make_request, router
from matrix_app.sync.hub import hub
from matrix_app.sync.wait import Wait
from matrix_app.sync.work import Heavy
from tests.factories.client import Client

_requests = RequestFactory()


def follow(outcome: Any, *, timed_out: bool = True) -> Any:
    """What a handler's outcome comes to when nothing else happens until the time is over."""
    while isinstance(outcome, Heavy | Wait):
        outcome = outcome.work() if isinstance(outcome, Heavy) else outcome.resume(timed_out)
    return outcome


def begin(client: Client, path: str = "/sync", **query: Any) -> Any:
    """Call the handler of a waiting endpoint; its outcome may be a `Wait`."""
    hub().catch_up()
    endpoint, parameters = router().find("GET", f"/_matrix/client/v3{path}")
    http = _requests.get(
        f"/_matrix/client/v3{path}?{urlencode(query)}", headers={"Authorization": f"Bearer {client.token}"}
    )
    request = make_request(http, parameters)
    authenticate(endpoint, request)
    return endpoint.handler(request)


def sync(client: Client, since: str | None = None, **query: Any) -> dict[str, Any]:
    """The body of an answer to /sync, without waiting."""
    if since is not None:
        query["since"] = since
    body: dict[str, Any] = orjson.loads(follow(begin(client, **query)))
    return body


def timeline(body: dict[str, Any], room_id: str) -> list[dict[str, Any]]:
    """The events of a joined room's timeline."""
    events: list[dict[str, Any]] = body["rooms"]["join"][room_id]["timeline"]["events"]
    return events


def bodies(body: dict[str, Any], room_id: str) -> list[str]:
    """The texts of the messages in a joined room's timeline."""
    return [event["content"]["body"] for event in timeline(body, room_id) if "body" in event["content"]]
