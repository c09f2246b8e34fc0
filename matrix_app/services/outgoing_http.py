"""Short requests of this server to captcha, CAS and identity servers and bridges, while somebody waits.

Addresses that users name are resolved first, and only public ones are connected to, so that nobody
reaches into the server's own network through it. Redirects are not followed. A view that waits here takes
no other request's turn, and not for long, whatever the other side does.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit

import orjson

from appliance.config import get_config
from matrix_app.http.view_threads import waiting_for_others
from matrix_app.protocol.errors import BadGateway, InvalidParam
from matrix_app.protocol.said import said
from matrix_app.services.ip_addresses import is_public

# How long the other side may say nothing, and how long all that it says may take.
TIMEOUT = 10.0
MOST_SECONDS = 20.0
LARGEST_ANSWER = 1 << 20
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Answer(NamedTuple):
    """What the other side said."""

    status: int
    content: bytes

    def json(self) -> dict[str, Any]:
        """The JSON object of the answer; empty when it is something else."""
        try:
            found = orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    def anything(self) -> Any:
        """The JSON of the answer, whatever it is; None when it is none."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None


def bearer(token: str) -> dict[str, str]:
    """The header with a token that a client gave; raises `InvalidParam` for what cannot stand in one."""
    if not _TOKEN.fullmatch(token):
        raise InvalidParam("The access token has characters that no token has")
    return {"Authorization": f"Bearer {token}"}


def ask(method: str, url: str, *, headers: dict[str, str], content: bytes = b"") -> Answer:
    """A request, perhaps of JSON, to an address of the configuration; raises `BadGateway` without answer."""
    typed = {"Content-Type": "application/json"} if content else {}
    return _send(method, url, content, {**typed, **headers}, trusted=True)


def get(url: str) -> Answer:
    """GET an address of the configuration; raises `BadGateway` when there is no answer."""
    return _send("GET", url, b"", {}, trusted=True)


def post_form(url: str, form: dict[str, str]) -> Answer:
    """POST a form to an address of the configuration; raises `BadGateway` when there is no answer."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return _send("POST", url, urlencode(form).encode(), headers, trusted=True)


def get_named(url: str, headers: dict[str, str]) -> Answer:
    """GET an address that a user or their server named; raises `BadGateway` when there is no answer."""
    return _send("GET", url, b"", headers, trusted=False)


def post_json(url: str, content: bytes, headers: dict[str, str]) -> Answer:
    """POST JSON to an address that a user named; raises `BadGateway` when there is no answer."""
    return _send("POST", url, content, {"Content-Type": "application/json", **headers}, trusted=False)


def _send(method: str, url: str, body: bytes, headers: dict[str, str], *, trusted: bool) -> Answer:
    parts, host, port = _parsed(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        with waiting_for_others():
            connection.sock = _connect(host, port, secure=parts.scheme == "https", trusted=trusted)
            with _TimeLimit(connection.sock):
                whole = {"User-Agent": "Hearth", **headers}
                connection.request(method, path, body=body or None, headers=whole)
                response = connection.getresponse()
                return Answer(response.status, response.read(LARGEST_ANSWER))
    except TimeoutError as error:
        raise BadGateway(
            said("{host} took too long", host=host), errcode="M_CONNECTION_TIMEOUT", status=504
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BadGateway(said("{host} did not answer", host=host)) from error
    finally:
        connection.close()


def _parsed(url: str) -> tuple[SplitResult, str, int]:
    """An address with its host and port; raises `BadGateway` for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise BadGateway("The address cannot be used") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadGateway("The address cannot be used")
    return parts, parts.hostname, port


class _TimeLimit:
    """Breaks a connection off after `MOST_SECONDS`; what was being done with it is a `TimeoutError` then."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected
        self._is_over = False
        self._timer = threading.Timer(MOST_SECONDS, self._break_off)
        self._timer.daemon = True

    def _break_off(self) -> None:
        self._is_over = True
        # Not the method of a connection by TLS, which another thread is reading from.
        with suppress(OSError):
            socket.socket.shutdown(self._connected, socket.SHUT_RDWR)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_exc: object) -> None:
        self._timer.cancel()
        if self._is_over:
            raise TimeoutError


def _connect(host: str, port: int, *, secure: bool, trusted: bool) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    anywhere = trusted or get_config().outgoing.allow_private_addresses
    allowed = [str(entry[4][0]) for entry in found if anywhere or is_public(str(entry[4][0]))]
    if not allowed:
        raise BadGateway("The address is not a public one")
    plain = socket.create_connection((allowed[0], port), timeout=TIMEOUT)
    if not secure:
        return plain
    return _tls(get_config().outgoing.verify_certificates).wrap_socket(plain, server_hostname=host)


@lru_cache(maxsize=2)
def _tls(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
