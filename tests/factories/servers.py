"""Other servers, as they look from here: a name and keys to sign requests, keys and events with."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.http import HttpRequest
from django.test import RequestFactory

from matrix_app.http.dispatch import dispatch
from matrix_app.protocol.canonical_json import MAX_DEPTH_AROUND, encode_canonical
from matrix_app.protocol.server_keys import PublishedKey, publish
from matrix_app.protocol.signing import SigningKey, sign_json
from matrix_app.protocol.x_matrix import request_bytes
from matrix_app.storage import db, server_keys
from matrix_app.storage.server_keys import StoredKey
from tests.conftest import SERVER_NAME
from tests.factories.client import Answer

HOUR = 3_600_000
_requests = RequestFactory()


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)


class RemoteServer:
    """A server with one key."""

    def __init__(self, name: str, key: SigningKey | None = None) -> None:
        self.name = name
        self.key = key or SigningKey.generate()

    def keys(
        self,
        *,
        valid_until: int | None = None,
        old: tuple[PublishedKey, ...] = (),
        notaries: tuple[RemoteServer, ...] = (),
    ) -> dict[str, Any]:
        """What it publishes, signed by notaries, too."""
        answer = publish(self.name, self.key, old, now_ms() + HOUR if valid_until is None else valid_until)
        for notary in notaries:
            answer = sign_json(answer, notary.name, notary.key)
        return answer

    def introduce(self, *, valid_for: int = HOUR) -> None:
        """Let the server under test know its key already."""
        now = now_ms()
        key = StoredKey(self.name, self.key.key_id, self.key.verify_key, now + valid_for, None, now)
        with db.write():
            server_keys.put([key], orjson.dumps(self.keys(valid_until=now + valid_for)), direct=True)

    def authorization(
        self, method: str, target: str, body: Any = None, destination: str | None = SERVER_NAME
    ) -> str:
        """The header of a signed request."""
        content = None if body is None else encode_canonical(body, lenient=True, levels=MAX_DEPTH_AROUND)
        message = request_bytes(method, target, self.name, destination, content)
        to = "" if destination is None else f'destination="{destination}",'
        signature = self.key.sign(message)
        return f'X-Matrix origin="{self.name}",{to}key="{self.key.key_id}",sig="{signature}"'

    def request(self, method: str, target: str, body: dict[str, Any] | None = None) -> Answer:
        """Send a signed request to the server under test."""
        return send(method, target, body, authorization=self.authorization(method, target, body))


def send(
    method: str, target: str, body: dict[str, Any] | None = None, *, authorization: str | None = None
) -> Answer:
    """Send a request as another server does, signed or not."""
    response = dispatch(make_http(method, target, body, authorization))
    content = b"".join(response)
    return Answer(response.status_code, orjson.loads(content) if content else None)


def make_http(method: str, target: str, body: Any, authorization: str | None) -> HttpRequest:
    """A request as it reaches the dispatcher; `body` is JSON or bytes, or None for none."""
    content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    headers = {} if authorization is None else {"Authorization": authorization}
    http = _requests.generic(method, target, content, content_type="application/json", headers=headers)
    http.META["hearth.raw_path"] = urlsplit(target).path
    return http
