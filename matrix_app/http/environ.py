"""What Django is told of a request."""

from __future__ import annotations

from typing import IO, Any

from matrix_app.http.client_address import came_over_https

Scope = dict[str, Any]


def make_environ(scope: Scope, body: IO[bytes], length: int) -> dict[str, Any]:
    """The WSGI environment of an ASGI scope; `hearth.raw_path` is the path as it was sent."""
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8")
    client = scope.get("client")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": "HTTP/" + scope.get("http_version", "1.1"),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": client[0] if client else None,
        "CONTENT_LENGTH": str(length),
        "wsgi.input": body,
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "hearth.request_id": scope.get("hearth.request_id", ""),
        "hearth.found": scope.get("hearth.found"),
        "hearth.raw_path": raw_path.split(b"?", 1)[0].decode("latin-1"),
    }
    for name, value in scope["headers"]:
        _add_header(environ, name.decode("latin-1"), value.decode("latin-1"))
    if came_over_https(environ["REMOTE_ADDR"], environ.get("HTTP_X_FORWARDED_PROTO")):
        environ["wsgi.url_scheme"] = "https"
    return environ


def _add_header(environ: dict[str, Any], name: str, value: str) -> None:
    if name == "content-type":
        environ["CONTENT_TYPE"] = value
    elif name != "content-length" and "_" not in name:
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
