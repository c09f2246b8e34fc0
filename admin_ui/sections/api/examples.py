"""Examples of requests, made of what endpoints declare: method, path, body, the sentence of the handler."""

from __future__ import annotations

import json
import shlex
import types
import typing
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from matrix_app.http.endpoint import Endpoint

# What stands for a parameter in a path; others stand for themselves, in capitals. `{server}` is this server.
_PARAMETERS: Final = {
    "user_id": "@somebody:{server}",
    "room_id": "!room:{server}",
    "room_id_or_alias": "#room:{server}",
    "event_id": "$event",
    "device_id": "DEVICEID",
    "server_name": "elsewhere.example.org",
    "destination": "elsewhere.example.org",
    "media_id": "MEDIAID",
}
# The same for what is in a body.
_TEXTS: Final = {
    **_PARAMETERS,
    "new_password": "a long enough sentence",
    "password": "a long enough sentence",
    "displayname": "Somebody",
    "display_name": "Somebody",
    "reason": "spam",
}
_NUMBER: Final = 1
_DEEPEST: Final = 3


class Example(NamedTuple):
    """A request: what it does, and how curl sends it."""

    method: str
    path: str
    sentence: str
    command: str


def example_of(declared: Endpoint, base: str, server: str) -> Example:
    """An example for an endpoint; the access token is in the variable TOKEN of the shell."""
    path = declared.paths[0]
    method = [] if declared.method == "GET" else ["-X", declared.method]
    command = shlex.join(["curl", *method]) + ' -H "Authorization: Bearer $TOKEN"'
    command += f" \\\n  {shlex.quote(base + _filled(path, server))}"
    if declared.body is not None:
        body = json.dumps(sample_of(declared.body, server), ensure_ascii=False)
        command += f" \\\n  -H 'Content-Type: application/json' -d {shlex.quote(body)}"
    sentence = (declared.handler.__doc__ or "").strip().partition("\n")[0]
    return Example(declared.method, path, sentence, command)


def _filled(path: str, server: str) -> str:
    segments = []
    for segment in path.split("/"):
        if segment.startswith("{"):
            name = segment[1:-1]
            text = _PARAMETERS.get(name, name.upper()).replace("{server}", server)
            segments.append(quote(text, safe=""))
        else:
            segments.append(segment)
    return "/".join(segments)


def sample_of(struct: type[msgspec.Struct], server: str, depth: int = 0) -> dict[str, Any]:
    """An object that a struct can be decoded from, with every field that it has."""
    hints = typing.get_type_hints(struct)
    return {
        field.encode_name: _sample(field.encode_name, hints[field.name], server, depth)
        for field in msgspec.structs.fields(struct)
    }


def _sample(name: str, kind: Any, server: str, depth: int) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        wanted = [one for one in inner if one not in (type(None), msgspec.UnsetType)]
        return _sample(name, wanted[0], server, depth) if wanted else None
    if origin is typing.Literal:
        return inner[0]
    if origin in (list, tuple, set, frozenset):
        return [_sample(name.removesuffix("s"), inner[0], server, depth)] if inner else []
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and depth < _DEEPEST:
        return sample_of(kind, server, depth + 1)
    return _plain(name, kind, server)


def _plain(name: str, kind: Any, server: str) -> Any:
    if kind is bool:
        return True
    if kind in (int, float):
        return _NUMBER
    if kind is str:
        return _TEXTS.get(name, "text").replace("{server}", server)
    return {}
