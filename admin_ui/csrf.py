"""Forms count only when they come from a page of this server (Django's protection against forgery)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.decorators import decorator_from_middleware


class _Csrf(CsrfViewMiddleware):
    """Marks its cookie as secure where the visitor came over https: the first visit may be over http."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Django's, with the cookie's mark."""
        answered: HttpResponseBase = super().process_response(request, response)
        for cookie in answered.cookies.values():
            if cookie.key == "hearth_csrf" and request.is_secure():
                cookie["secure"] = True
        return answered


_decorate = decorator_from_middleware(_Csrf)


def protected(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view, for forms of this server's own pages only."""
    decorated: Callable[..., Any] = _decorate(view)
    return decorated
