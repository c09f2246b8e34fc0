"""Serves the files of the pages (styles, scripts, icons) by WhiteNoise, under names that hold their hash."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


@lru_cache(maxsize=1)
def _files() -> WhiteNoiseMiddleware:
    return WhiteNoiseMiddleware(lambda _http: HttpResponse(status=404), settings)


def static_file(http: HttpRequest) -> HttpResponseBase:
    """A static file; 404 for any other path."""
    found = _files().files.get(http.path_info)
    if found is None or http.method not in ("GET", "HEAD"):
        return HttpResponseNotFound()
    response: HttpResponseBase = _files().serve(found, http)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
