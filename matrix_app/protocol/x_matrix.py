"""The `Authorization` header of requests between servers ("Request Authentication").

What is signed is a JSON object of the request's method, target, origin, destination and content. Its
canonical form is put together here around content that is canonical JSON already, which is written once.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import orjson

from matrix_app.protocol.errors import Unauthorized
from matrix_app.protocol.signing import SigningKey

SCHEME: Final = "X-Matrix"
MAX_HEADER: Final = 16_384

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME: Final = re.compile(r"[ \t,]*x-matrix(?: +|\Z)", re.IGNORECASE)
# "For compatibility with older servers, the recipient should allow colons to be included in values without
# requiring the value to be enclosed in quotes." The same goes for what else Base64 and server names have.
_PARAMETER: Final = re.compile(
    rf'(?P<name>{_NAME})[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<plain>[^\s,;"\\]*))', re.DOTALL
)
_COMMA: Final = re.compile(r"[ \t]*(?:,[ \t]*)*")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_REQUIRED: Final = ("origin", "key", "sig")


class XMatrix(NamedTuple):
    """What a server says of itself and of the request, with its signature."""

    origin: str
    destination: str | None
    key_id: str
    signature: str


def parse_x_matrix(header: str) -> list[XMatrix]:
    """The credentials in an `Authorization` header; raises `Unauthorized` for anything else.

    Some servers send one header for each of their keys, which arrive here joined by commas.
    """
    if len(header) > MAX_HEADER:
        raise Unauthorized("The Authorization header is too long")
    found, position = [], 0
    while position < len(header):
        match = _SCHEME.match(header, position)
        if match is None:
            raise Unauthorized("The Authorization header is not of the scheme X-Matrix")
        parameters, position = _parameters(header, match.end())
        found.append(_credentials(parameters))
    if not found:
        raise Unauthorized("The Authorization header is empty")
    return found


def _parameters(header: str, position: int) -> tuple[dict[str, str], int]:
    parameters: dict[str, str] = {}
    while position < len(header) and not _SCHEME.match(header, position):
        match = _PARAMETER.match(header, position)
        if match is None:
            raise Unauthorized("The Authorization header cannot be read")
        # "The names are case insensitive and order does not matter."
        name = match["name"].lower()
        if name in parameters:
            raise Unauthorized(f"The Authorization header has {name} twice")
        parameters[name] = _value(match)
        end = match.end()
        position = _comma(header, end)
        if position == end and position < len(header):
            raise Unauthorized("The Authorization header cannot be read")
    return parameters, position


def _comma(header: str, position: int) -> int:
    match = _COMMA.match(header, position)
    return match.end() if match else position


def _value(match: re.Match[str]) -> str:
    if match["quoted"] is None:
        return match["plain"]
    # "a backslash-character pair is replaced by the character that follows the backslash"
    return _ESCAPE.sub(r"\1", match["quoted"])


def _credentials(parameters: dict[str, str]) -> XMatrix:
    # The example of the specification has `sig`, as all servers do; its list of parameters says `signature`.
    if "sig" not in parameters and "signature" in parameters:
        parameters = {**parameters, "sig": parameters["signature"]}
    for name in _REQUIRED:
        if not parameters.get(name):
            raise Unauthorized(f"The Authorization header lacks {name}")
    return XMatrix(parameters["origin"], parameters.get("destination"), parameters["key"], parameters["sig"])


def request_bytes(
    method: str, uri: str, origin: str, destination: str | None, content: bytes | None
) -> bytes:
    """The bytes that a server signs for a request; `content` is canonical JSON, or None without a body."""
    parts = []
    if content is not None:
        parts.append(b'"content":' + content)
    if destination is not None:
        parts.append(b'"destination":' + orjson.dumps(destination))
    for name, value in (("method", method), ("origin", origin), ("uri", uri)):
        parts.append(orjson.dumps(name) + b":" + orjson.dumps(value))
    return b"{" + b",".join(parts) + b"}"


def sign_request(
    method: str, uri: str, origin: str, destination: str, content: bytes | None, key: SigningKey
) -> str:
    """The `Authorization` header of a request of `origin`."""
    signature = key.sign(request_bytes(method, uri, origin, destination, content))
    # "the sender should only include one space after X-Matrix, only use lower-case names, avoid using
    # backslashes in parameter values, and avoid including whitespace around the commas"
    return f'{SCHEME} origin="{origin}",destination="{destination}",key="{key.key_id}",sig="{signature}"'
