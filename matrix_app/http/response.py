"""Answers: JSON by default, bytes that are JSON already, or any response of Django."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpResponse
from django.http.response import HttpResponseBase

from matrix_app.protocol.errors import MatrixError

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization",
    "Access-Control-Expose-Headers": "Retry-After",
}
JSON_TYPE = "application/json"


class Json:
    """A JSON answer with a status other than 200, or made of bytes that are JSON already."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.body = body
        self.status = status
        self.headers = headers or {}


def encode(value: Any) -> bytes:
    """The bytes of a JSON answer."""
    return value if isinstance(value, bytes) else orjson.dumps(value)


def to_http(result: Any) -> HttpResponseBase:
    """The response for what a handler returned."""
    if isinstance(result, HttpResponseBase):
        return result
    if isinstance(result, Json):
        return HttpResponse(
            encode(result.body), status=result.status, headers=result.headers, content_type=JSON_TYPE
        )
    return HttpResponse(encode(result), content_type=JSON_TYPE)


def error_response(error: MatrixError) -> HttpResponse:
    """The standard error response."""
    return HttpResponse(
        orjson.dumps(error.body()), status=error.status, headers=error.headers(), content_type=JSON_TYPE
    )
