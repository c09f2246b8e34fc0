"""A web service on a loopback port, which keeps what it is asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """A request that arrived."""

    method: str
    path: str
    body: bytes
    authorization: str | None = None


class HttpService:
    """What arrived, what is answered, and where the service listens."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[Asked] = []
        self.answer = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        # Called with each request before it is answered; its result, if any, is the answer's status.
        self.react: Callable[[Asked], int | None] = lambda asked: None


@contextmanager
def http_service(answer: bytes, tls: ssl.SSLContext | None = None) -> Iterator[HttpService]:
    """A service that gives one answer to everything, as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, body, self.headers.get("Authorization"))
            service.asked.append(asked)
            self.send_response(service.react(asked) or service.status)
            for name, value in service.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(service.answer)

        do_GET = do_POST = do_PUT = _take  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        service = HttpService(f"{scheme}://127.0.0.1:{server.server_port}")
        service.answer = answer
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield service
        server.shutdown()
