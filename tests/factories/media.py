"""Uploads and downloads of a client, and pictures to send."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
from django.test import RequestFactory
from PIL import Image

from matrix_app.http.dispatch import dispatch, resume
from matrix_app.http.file_answer import FileAnswer
from matrix_app.http.later_answer import LaterAnswer
from tests.factories.client import Client

_requests = RequestFactory()


class Raw(NamedTuple):
    """An answer that need not be JSON."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The content as JSON."""
        return orjson.loads(self.content)

    @property
    def errcode(self) -> str | None:
        """The errcode of an error."""
        found: str | None = self.json.get("errcode")
        return found


def send(
    client: Client | None,
    method: str,
    path: str,
    content: bytes = b"",
    content_type: str = "application/octet-stream",
    headers: dict[str, str] | None = None,
) -> Raw:
    """A request with any body; without a client, nobody is signed in."""
    token = {} if client is None else {"Authorization": f"Bearer {client.token}"}
    http = _requests.generic(
        method, path, content, content_type=content_type, headers={**token, **(headers or {})}
    )
    http.META["hearth.raw_path"] = urlsplit(path).path
    http.META["wsgi.input"] = io.BytesIO(content)
    http.META["CONTENT_LENGTH"] = str(len(content))
    if not content_type:
        http.META.pop("CONTENT_TYPE", None)
    response = dispatch(http)
    while isinstance(response, LaterAnswer):
        response = resume(waited(response))
    if isinstance(response, FileAnswer):
        body = b"".join(response)
        response.part.close()
    else:
        body = response.content  # type: ignore[attr-defined]
    return Raw(response.status_code, response.headers, body)


def waited(answer: LaterAnswer) -> LaterAnswer:
    """Wait as the bridge does."""
    if isinstance(answer.waits_for, Future):
        wait([answer.waits_for], 60)
    else:
        time.sleep(answer.waits_for)
    return answer


def upload(client: Client, content: bytes, content_type: str = "image/png", name: str | None = None) -> str:
    """Upload a file; the part of its `mxc://` URI behind the slashes."""
    query = "" if name is None else f"?filename={name}"
    answer = send(client, "POST", f"/_matrix/media/v3/upload{query}", content, content_type)
    assert answer.status == 200, answer
    uri: str = answer.json["content_uri"]
    return uri.removeprefix("mxc://")


def download(client: Client | None, place: str, **headers: str) -> Raw:
    """Download a file over the endpoint with authentication."""
    path = f"/_matrix/client/v1/media/download/{place}"
    return send(
        client, "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def picture(width: int, height: int, kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    """A picture that is not of one colour."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert(mode).save(out, kind, **options)
    return out.getvalue()


def animation(width: int, height: int, frames: int = 3, kind: str = "GIF") -> bytes:
    """A picture that moves."""
    out = io.BytesIO()
    each = [Image.new("RGB", (width, height), (80 * number, 10, 10)) for number in range(frames)]
    each[0].save(out, kind, save_all=True, append_images=each[1:], duration=100, loop=0)
    return out.getvalue()
