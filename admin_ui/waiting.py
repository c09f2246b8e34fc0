"""What a server answers while it is restored: a page that says how far it is, and "later" to all others."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from admin_ui.languages import language_of
from admin_ui.security import add_headers
from admin_ui.static_files import static_file
from appliance.restore_order import read_order
from appliance.restore_progress import PHASES, read_progress
from matrix_app.http.environ import make_environ
from matrix_app.http.response import CORS

if TYPE_CHECKING:
    from django.utils.functional import Promise

    from appliance.config.sections.server import Server

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

ADDRESS: Final = "/setup/restoring/"
_RETRY_SECONDS: Final = "10"
_REFUSAL: Final = orjson.dumps(
    {"errcode": "M_UNKNOWN", "error": "This server is being restored from a backup: try again later"}
)
TITLES: Final[dict[str, Promise | str]] = {
    "check": _("The backup is checked"),
    "database": _("The database is put in place"),
    "files": _("Keys are put in place"),
    "media": _("Pictures and files are put in place"),
    "schema": _("The database is brought to this version"),
    "others": _("Devices and other servers are marked to be told"),
}


class WaitingApplication:
    """An ASGI application that needs no database."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await asyncio.to_thread(self._answer, scope)
            await _sent(response, send, with_body=scope["method"] != "HEAD")
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            await send({"type": "websocket.close"})

    def _answer(self, scope: Scope) -> HttpResponseBase:
        path = scope["path"]
        http = WSGIRequest(make_environ(scope, io.BytesIO(), 0))
        if path.startswith("/static/"):
            return static_file(http)
        if scope["method"] in ("GET", "HEAD") and path.startswith(("/setup/", "/admin/", "/account/")):
            return self._page(http) if path == ADDRESS else _to_the_page(http)
        return _later(preflight=scope["method"] == "OPTIONS")

    def _page(self, http: HttpRequest) -> HttpResponse:
        progress, order = read_progress(self._server.run_dir), read_order(self._server.data_dir)
        here = PHASES.index(progress.phase)
        values = {
            "phases": [(TITLES[name], number - here) for number, name in enumerate(PHASES)],
            "progress": progress,
            "server": order.server_name if order else self._server.name,
            "address": ADDRESS,
            "again": order.attempts > 1 if order else False,
        }
        with translation.override(language_of(http)):
            response = HttpResponse(render_to_string("admin_ui/setup/waiting.html", values))
        add_headers(response, http)
        return response


def _to_the_page(http: HttpRequest) -> HttpResponse:
    response = HttpResponse(status=303, headers={"Location": ADDRESS})
    add_headers(response, http)
    return response


def _later(*, preflight: bool) -> HttpResponse:
    if preflight:
        return HttpResponse(status=200, headers=CORS)
    headers = {**CORS, "Retry-After": _RETRY_SECONDS, "Cache-Control": "no-store"}
    return HttpResponse(_REFUSAL, status=503, content_type="application/json", headers=headers)


async def _sent(response: HttpResponseBase, send: Send, *, with_body: bool) -> None:
    body = response.getvalue()
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.items()
        if name.lower() != "content-length"
    ]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body if with_body else b""})
    response.close()


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
