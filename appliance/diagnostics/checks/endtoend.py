"""The server as its users have it: a message that is really sent and seen, a file that comes back."""

from __future__ import annotations

import secrets
import time
from base64 import b64decode
from typing import Any, Final
from urllib.parse import quote

import orjson

from appliance.diagnostics.checks.asking import not_set_up, on_no_answer
from appliance.diagnostics.checks.ports import local_base
from appliance.diagnostics.outside import NoAnswer, Page, outside
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, skipped, warn
from matrix_app.protocol.said import said

PIXEL: Final = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SLOW_SECONDS: Final = 5.0


class _Client:
    """The server's own user, as a client over HTTP."""

    def __init__(self, base: str, device: str) -> None:
        from matrix_app.services.system_user import system_session

        self._base = base
        self._headers = {"Authorization": f"Bearer {system_session(device).access_token}"}

    def raw(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> Page:
        page = outside().page(
            self._base + path, method=method, headers={**self._headers, "Content-Type": kind}, body=body
        )
        if page.status != 200:
            raise NoAnswer(
                said(
                    "{method} {path} is answered by {status}: {body}",
                    method=method,
                    path=path.partition("?")[0],
                    status=page.status,
                    body=repr(page.body[:200]),
                )
            )
        return page

    def ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        body = b"" if content is None else orjson.dumps(content)
        return self.raw(method, path, body).json()


@check("endtoend.message", "A message arrives", needs=["ports.local", "database.connect"], timeout=40)
@on_no_answer
def message() -> Result:
    """Send a message into a private room of the server's own user, and wait for it in a sync."""
    base = local_base()
    if base is None:
        return skipped("Hearth listens on a Unix socket only")
    if (missing := not_set_up()) is not None:
        return missing
    client = _Client(base, "HEARTHMESSAGE")
    room_id = _room()
    wanted = quote(orjson.dumps({"room": {"rooms": [room_id], "timeline": {"limit": 5}}}), safe="")
    since = client.ask("GET", f"/_matrix/client/v3/sync?timeout=0&filter={wanted}")["next_batch"]
    text, began = secrets.token_hex(8), time.monotonic()
    sent = client.ask(
        "PUT",
        f"/_matrix/client/v3/rooms/{quote(room_id, safe='')}/send/m.room.message/{text}",
        {"msgtype": "m.notice", "body": f"Test {text}"},
    )["event_id"]
    while time.monotonic() - began < SLOW_SECONDS * 3:
        found = client.ask("GET", f"/_matrix/client/v3/sync?timeout=3000&since={since}&filter={wanted}")
        if sent in _event_ids(found, room_id):
            return _told(time.monotonic() - began)
        since = found["next_batch"]
    return error(
        "A message was sent and taken, and no sync shows it", fix="Start Hearth again; see the logs."
    )


def _told(seconds: float) -> Result:
    milliseconds = round(seconds * 1000)
    text = said("It was seen after {milliseconds} ms", milliseconds=milliseconds)
    if seconds > SLOW_SECONDS:
        return warn(text, fix="What else keeps this machine busy?", milliseconds=milliseconds)
    return ok(text, milliseconds=milliseconds)


def _event_ids(answer: dict[str, Any], room_id: str) -> list[str]:
    room = answer.get("rooms", {}).get("join", {}).get(room_id, {})
    return [event["event_id"] for event in room.get("timeline", {}).get("events", [])]


def _room() -> str:
    from matrix_app.services.system_user import room_for_tests

    return room_for_tests()


@check("media.roundtrip", "A file comes back", needs=["ports.local", "database.connect"], timeout=30)
@on_no_answer
def media() -> Result:
    """Upload a picture of one pixel, fetch it, and remove it."""
    from matrix_app.protocol.ids import parse_mxc
    from matrix_app.services.remove_media import discard

    base = local_base()
    if base is None:
        return skipped("Hearth listens on a Unix socket only")
    if (missing := not_set_up()) is not None:
        return missing
    client = _Client(base, "HEARTHMEDIA")
    uploaded = client.raw("POST", "/_matrix/media/v3/upload?filename=check.png", PIXEL, "image/png").json()
    mxc = parse_mxc(str(uploaded.get("content_uri")))
    try:
        found = client.raw("GET", f"/_matrix/client/v1/media/download/{mxc.server_name}/{mxc.media_id}")
    finally:
        discard(mxc)
    if found.body != PIXEL:
        return error("A file came back changed", fix="Is the disk or the store of media sound?")
    return ok("Upload and download work")
