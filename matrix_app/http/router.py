"""Finds the endpoint of a path: a tree of segments, so that the cost does not grow with the endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from matrix_app.http.endpoint import Endpoint
from matrix_app.protocol.errors import BadRequest, Unrecognized


class _Node:
    __slots__ = ("children", "methods", "parameter")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        # method -> (endpoint, names of the parameters in order)
        self.methods: dict[str, tuple[Endpoint, tuple[str, ...]]] = {}


class Router:
    """Maps methods and raw (still percent-encoded) paths to endpoints."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._root = _Node()
        for endpoint in endpoints:
            for path in endpoint.paths:
                self._add(endpoint, path)

    def _add(self, endpoint: Endpoint, path: str) -> None:
        node, names = self._root, []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, _Node())
        if endpoint.method in node.methods:
            raise ValueError(f"{endpoint.method} {path} is declared twice")
        node.methods[endpoint.method] = (endpoint, tuple(names))

    def find(self, method: str, raw_path: str) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint and its path parameters; raises `Unrecognized` with 404 or 405."""
        node, values = self._walk(raw_path)
        if node is None or not node.methods:
            raise Unrecognized("Unrecognized request")
        found = node.methods.get(method)
        if found is None:
            allowed = {*node.methods, "OPTIONS", *(("HEAD",) if "GET" in node.methods else ())}
            raise Unrecognized("Method not allowed", status=405, allowed=sorted(allowed))
        endpoint, names = found
        return endpoint, dict(zip(names, (_decode(value) for value in values), strict=True))

    def methods(self, raw_path: str) -> list[str]:
        """The methods that a path has; empty when it is unknown."""
        node, _ = self._walk(raw_path)
        return sorted(node.methods) if node else []

    def _walk(self, raw_path: str) -> tuple[_Node | None, list[str]]:
        segments = raw_path.split("/")[1:]
        # A state key may be empty, which leaves a slash at the end; any other such slash is ignored.
        node, values = _descend(self._root, segments, 0)
        if (node is None or not node.methods) and segments and segments[-1] == "":
            node, values = _descend(self._root, segments[:-1], 0)
        return node, values


def _descend(node: _Node, segments: list[str], index: int) -> tuple[_Node | None, list[str]]:
    if index == len(segments):
        return (node, []) if node.methods else (None, [])
    child = node.children.get(segments[index])
    if child is not None:
        found, values = _descend(child, segments, index + 1)
        if found is not None:
            return found, values
    if node.parameter is not None:
        found, values = _descend(node.parameter, segments, index + 1)
        if found is not None:
            return found, [segments[index], *values]
    return None, []


def _decode(value: str) -> str:
    if "%" not in value:
        return value
    try:
        decoded = unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise BadRequest("The path is not UTF-8", errcode="M_INVALID_PARAM") from error
    # PostgreSQL has no text with NUL, so nothing can be called so.
    if "\0" in decoded:
        raise BadRequest("The path contains a NUL byte", errcode="M_INVALID_PARAM")
    return decoded
