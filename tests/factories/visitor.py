"""Requests of somebody who is not signed in, or of a browser, dispatched within the process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import orjson
from django.test import RequestFactory

from matrix_app.http.dispatch import dispatch
from matrix_app.services.public_address import public_baseurl

_requests = RequestFactory()


class Reply(NamedTuple):
    """The answer to a request; `body` is what its JSON says, `text` all of it."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return orjson.loads(self.text)

    @property
    def errcode(self) -> str | None:
        """The errcode of an error."""
        found: str | None = self.body.get("errcode")
        return found


def ask(
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    form: dict[str, str] | None = None,
    raw: tuple[bytes, str] | None = None,
    ip: str = "192.0.2.1",
    host: str | None = None,
) -> Reply:
    """Send a request to a path below /_matrix/client/v3, or to a whole one: of JSON, a form, or any bytes.

    It comes by the public address of the server unless `host` says otherwise.
    """
    whole = path if path.startswith(("/_", "/.")) else f"/_matrix/client/v3{path}"
    headers = {"Host": host or urlsplit(public_baseurl()).netloc}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if raw is not None:
        content, kind = raw
    elif form is not None:
        content, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
    else:
        content, kind = b"" if body is None else json.dumps(body).encode(), "application/json"
    http = _requests.generic(method, whole, content, content_type=kind, headers=headers, REMOTE_ADDR=ip)
    http.META["hearth.raw_path"] = urlsplit(whole).path
    response = dispatch(http)
    return Reply(response.status_code, response.headers, response.content.decode())  # type: ignore[attr-defined]


def get(path: str, *, token: str | None = None) -> Reply:
    """GET."""
    return ask("GET", path, token=token)


def post(path: str, body: Any = None, *, token: str | None = None) -> Reply:
    """POST, with an empty object as body by default."""
    return ask("POST", path, {} if body is None else body, token=token)
