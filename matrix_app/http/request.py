"""A request as handlers see it."""

from __future__ import annotations

import re
from typing import IO, Any, Final, TypeVar

import msgspec
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from matrix_app.http.requester import Requester
from matrix_app.protocol.canonical_json import MAX_DEPTH, decode_json
from matrix_app.protocol.errors import BadJson, BadRequest, InvalidParam, MissingParam, MissingToken

_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,40}")

S = TypeVar("S", bound=msgspec.Struct)


class Request:
    """One request: path parameters, query, body, and who makes it."""

    __slots__ = ("_body", "_requester", "http", "ip", "origin", "path", "user_agent")

    def __init__(self, http: HttpRequest, path: dict[str, str], ip: str) -> None:
        self.http = http
        self.path = path
        self.ip = ip
        self.user_agent: str = http.META.get("HTTP_USER_AGENT", "")
        self.origin: str = ""  # the server that signed a federation request
        self._requester: Requester | None = None
        self._body: Any = None

    @property
    def host(self) -> str:
        """The name and port by which the client reached this server, as it says itself."""
        return str(self.http.META.get("HTTP_HOST", ""))

    @property
    def requester(self) -> Requester:
        """Who makes the request; raises `MissingToken` where that is optional and nobody does."""
        if self._requester is None:
            raise MissingToken("Missing access token")
        return self._requester

    @property
    def requester_or_none(self) -> Requester | None:
        """Who makes the request, where that is optional."""
        return self._requester

    def authenticated_as(self, requester: Requester | None) -> None:
        """Set by the dispatcher, once."""
        self._requester = requester

    def query(self, name: str) -> str | None:
        """The first value of a query parameter, or None."""
        values = self.http.GET.getlist(name)
        value: str | None = values[0] if values else None
        if value is not None and "\x00" in value:
            raise InvalidParam(f"{name} contains a NUL byte")
        return value

    def query_list(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return list(self.http.GET.getlist(name))

    def required_query(self, name: str) -> str:
        """A query parameter that must be there; raises `MissingParam`."""
        value = self.query(name)
        if value is None:
            raise MissingParam(f"Missing query parameter {name}")
        return value

    def query_int(self, name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
        """A whole number; out of bounds below is `InvalidParam`, above it is cut to `maximum`."""
        value = self.query(name)
        if value is None:
            return default
        # Python would also take spaces, underscores and the digits of other scripts.
        if not _WHOLE_NUMBER.fullmatch(value):
            raise InvalidParam(f"Query parameter {name} must be a whole number")
        number = int(value)
        if number < minimum or number > (1 << 63) - 1:
            raise InvalidParam(f"Query parameter {name} is out of range")
        return number if maximum is None else min(number, maximum)

    def query_bool(self, name: str, default: bool = False) -> bool:
        """`true` or `false`; anything else is `InvalidParam`."""
        value = self.query(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise InvalidParam(f"Query parameter {name} must be true or false")
        return value == "true"

    @property
    def body_file(self) -> IO[bytes]:
        """The body as a stream, for endpoints that declare `streams_body`."""
        stream: IO[bytes] = self.http.META["wsgi.input"]
        return stream

    def form(self) -> dict[str, str]:
        """The fields of a browser's form; raises `BadRequest` for a body that cannot be read as one."""
        try:
            return {name: str(value) for name, value in self.http.POST.items()}
        except (MultiPartParserError, SuspiciousOperation) as error:
            raise BadRequest("The form cannot be read") from error

    def json(self, *, levels: int = MAX_DEPTH) -> Any:
        """The body as JSON, of at most so many levels; raises `NotJson` or `BadJson`."""
        if self._body is None:
            self._body = decode_json(self.http.body, levels=levels)
        return self._body

    def json_object(self, *, empty_allowed: bool = False) -> dict[str, Any]:
        """The body as a JSON object; an empty body counts as `{}` where that is allowed."""
        if empty_allowed and not self.http.body:
            return {}
        body = self.json()
        if not isinstance(body, dict):
            raise BadJson("The body must be a JSON object")
        return body

    def decode(self, schema: type[S], *, empty_allowed: bool = False) -> S:
        """The body as a struct; a missing field is `MissingParam`, a wrong type `BadJson`."""
        return to_struct(self.json_object(empty_allowed=empty_allowed), schema)


def to_struct(body: dict[str, Any], schema: type[S]) -> S:
    """A JSON object as a struct; a missing field is `MissingParam`, a wrong type `BadJson`."""
    try:
        return msgspec.convert(body, schema)
    except msgspec.ValidationError as error:
        text = str(error)
        if "missing required field" in text:
            raise MissingParam(text) from error
        raise BadJson(text) from error
