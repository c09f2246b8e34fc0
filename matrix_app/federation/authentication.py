"""Which server makes a request ("Request Authentication")."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.federation.backoff import heard_from
from matrix_app.federation.introduction import MOST_CREDENTIALS
from matrix_app.federation.key_ring import Need, recall_stored
from matrix_app.federation.policy import is_allowed
from matrix_app.http.request import Request
from matrix_app.protocol.canonical_json import MAX_DEPTH_AROUND, encode_canonical
from matrix_app.protocol.errors import FederationDenied, InvalidSignature, Unauthorized
from matrix_app.protocol.ids import parse_server_name
from matrix_app.protocol.signing import verify_bytes
from matrix_app.protocol.x_matrix import XMatrix, parse_x_matrix, request_bytes
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name


def authenticate_server(request: Request) -> None:
    """Set `request.origin` to the server that signed the request.

    Raises `Unauthorized` for what is not signed rightly, `FederationDenied` for servers that the
    configuration excludes, `InvalidParam` for an origin that is no server name.
    """
    header = request.http.META.get("HTTP_AUTHORIZATION")
    if header is None:
        raise Unauthorized("The request is not signed by a server")
    credentials = parse_x_matrix(header)[:MOST_CREDENTIALS]
    origin = _origin_of(credentials)
    _check_signatures(request, credentials)
    request.origin = origin
    heard_from(origin)


def _origin_of(credentials: Iterable[XMatrix]) -> str:
    origins = {item.origin for item in credentials}
    origin = parse_server_name(origins.pop())
    if origins:
        raise Unauthorized("A request is signed by one server")
    if origin == local_server_name():
        raise Unauthorized("This server does not ask itself")
    if not is_allowed(origin):
        raise FederationDenied(f"Federation with {origin} is not allowed here")
    # "If this property is included, but the value does not match the receiving server's name, the receiving
    # server must deny the request with an HTTP status code 401 Unauthorized."
    for item in credentials:
        if item.destination not in (None, local_server_name()):
            raise Unauthorized("The request is for another server")
    return origin


def _check_signatures(request: Request, credentials: Iterable[XMatrix]) -> None:
    """Raises `InvalidSignature` unless one of the signatures is right, by a key that is valid now."""
    now = now_ms()
    found = recall_stored([Need(item.origin, item.key_id, now) for item in credentials])
    content = None
    if request.http.body:
        body = request.json(levels=MAX_DEPTH_AROUND)
        content = encode_canonical(body, lenient=True, levels=MAX_DEPTH_AROUND)
    fault = InvalidSignature("No valid key is known that the request could be signed with")
    for item in credentials:
        key = found.get((item.origin, item.key_id))
        if key is None:
            continue
        method = request.http.method or ""
        message = request_bytes(method, _target(request), item.origin, item.destination, content)
        try:
            verify_bytes(item.signature, message, key.verify_key)
        except InvalidSignature as error:
            fault = error
        else:
            return
    raise fault


def _target(request: Request) -> str:
    """The path and the query as they were sent."""
    meta = request.http.META
    path, query = meta["hearth.raw_path"], meta.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else str(path)
