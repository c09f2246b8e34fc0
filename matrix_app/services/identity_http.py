"""Short JSON requests to services that users name, such as identity servers.

Addresses of private networks are refused unless the configuration allows them; the address that was
checked is the one connected to. Answers are bounded in size and time.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from appliance.config import get_config
from matrix_app.protocol.errors import BadGateway

TIMEOUT = 10.0
MOST_BYTES = 1 << 20


class JsonAnswer(NamedTuple):
    """The status and the JSON of an answer."""

    status: int
    body: Any


def request_json(
    method: str, url: str, *, body: Any = None, token: str | None = None, timeout: float = TIMEOUT
) -> JsonAnswer:
    """Send a request to an https URL; raises `BadGateway` when there is no answer of JSON."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise BadGateway("Only https addresses are asked")
    headers = {"Accept": "application/json", "User-Agent": "Hearth"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection = _connect(parts.hostname, parts.port or 443, timeout)
        try:
            connection.request(method, target, None if body is None else orjson.dumps(body), headers)
            return _read(connection.getresponse())
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BadGateway(f"No answer from {parts.hostname}") from error


def _read(response: http.client.HTTPResponse) -> JsonAnswer:
    content = response.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise BadGateway("The answer is too large")
    return JsonAnswer(response.status, orjson.loads(content or b"{}"))


def _connect(host: str, port: int, timeout: float) -> http.client.HTTPSConnection:
    outgoing = get_config().outgoing
    context = ssl.create_default_context()
    if not outgoing.verify_certificates:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    address = _resolve(host, port, private=outgoing.allow_private_addresses)
    plain = socket.create_connection(address, timeout)
    connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    connection.sock = context.wrap_socket(plain, server_hostname=host)
    return connection


def _resolve(host: str, port: int, *, private: bool) -> tuple[str, int]:
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if private or ip_address(str(address[0]).partition("%")[0]).is_global:
            return str(address[0]), port
    raise BadGateway(f"{host} has no public address")
