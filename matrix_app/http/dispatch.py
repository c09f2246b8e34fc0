"""The one Django view behind `/_matrix`: find the endpoint, authenticate, limit, call, render."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from matrix_app.http.authentication import authenticate
from matrix_app.http.client_address import client_address
from matrix_app.http.compression import gzipped, is_worth_packing
from matrix_app.http.endpoint import Endpoint, all_endpoints
from matrix_app.http.later_answer import LaterAnswer
from matrix_app.http.modules import import_all
from matrix_app.http.rate_limit import check_rate
from matrix_app.http.request import Request
from matrix_app.http.response import CORS, error_response, to_http
from matrix_app.http.router import Router
from matrix_app.protocol.errors import MatrixError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = structlog.get_logger("matrix_app.http")


@lru_cache(maxsize=1)
def router() -> Router:
    """The router over every endpoint of Hearth."""
    for package in settings.ENDPOINT_PACKAGES:
        import_all(package)
    return Router(all_endpoints())


def dispatch(http: HttpRequest) -> HttpResponseBase:
    """Answer a request. An error of the tree is rendered; any other is a bug, for Django and `bug`."""
    return _rendered(http, lambda: _called(http))


def resume(later: LaterAnswer) -> HttpResponseBase:
    """Answer a request whose answer had to wait; it may have to wait again."""
    return _rendered(later.http, later.then)


def admit(environ: dict[str, Any], endpoint: Endpoint, path: dict[str, str]) -> None:
    """Raise the error of a request whose sender may not make it, before its body has arrived."""
    authenticate(endpoint, make_request(WSGIRequest(environ), path))


def _called(http: HttpRequest) -> HttpResponseBase:
    method = http.method or "GET"
    found = http.META.get("hearth.found")
    endpoint, path = found or router().find(
        "GET" if method == "HEAD" else method, http.META["hearth.raw_path"]
    )
    return call(endpoint, make_request(http, path))


def _rendered(http: HttpRequest, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    try:
        response = answer()
    except MatrixError as error:
        response = error_response(error)
    except Exception:  # noqa: BLE001  (the boundary of the request: logged, and answered with 500)
        _log.exception("a request failed", method=http.method, path=http.path)
        response = error_response(MatrixError("Internal server error"))
    return _compressed(http.META, _for_browsers(response))


def bug(_http: HttpRequest) -> HttpResponseBase:
    """The answer when a handler failed by a bug, which Django has logged."""
    return _for_browsers(error_response(MatrixError("Internal server error", status=500)))


def _for_browsers(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in CORS.items():
        response.headers.setdefault(name, value)
    return response


def make_request(http: HttpRequest, path: dict[str, str]) -> Request:
    """The request with the client's address."""
    meta = http.META
    return Request(http, path, client_address(meta.get("REMOTE_ADDR"), meta.get("HTTP_X_FORWARDED_FOR")))


def call(endpoint: Endpoint, request: Request) -> HttpResponseBase:
    """Authenticate, keep the rate limits, and run the handler."""
    authenticate(endpoint, request)
    if endpoint.rate is not None:
        check_rate(endpoint.rate, request)
    return to_http(endpoint.handler(request))


def _compressed(meta: Mapping[str, str], response: HttpResponseBase) -> HttpResponseBase:
    if not isinstance(response, HttpResponse) or response.has_header("Content-Encoding"):
        return response
    if not is_worth_packing(len(response.content), meta.get("HTTP_ACCEPT_ENCODING", "")):
        return response
    response.content = gzipped(response.content)
    response["Content-Encoding"] = "gzip"
    response["Vary"] = "Accept-Encoding"
    return response
