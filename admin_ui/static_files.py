"""Serves the files of the pages (styles, scripts, icons) by WhiteNoise, under names that hold their hash."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

from admin_ui.security import add_headers


@lru_cache(maxsize=1)
def _files() -> WhiteNoiseMiddleware:
    return WhiteNoiseMiddleware(lambda _http: HttpResponse(status=404), settings)


def static_file(http: HttpRequest) -> HttpResponseBase:
    """A static file; 404 for any other path."""
    found = _files().files.get(http.path_info)
    missing = found is None or http.method not in ("GET", "HEAD")
    response: HttpResponseBase = HttpResponseNotFound() if missing else _files().serve(found, http)
    add_headers(response, http)
    return response
