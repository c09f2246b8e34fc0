"""The answers to forms that did not come from a page of this server, and to what is no request at all."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from admin_ui.languages import language_of
from admin_ui.security import add_headers


def forged(http: HttpRequest, reason: str = "") -> HttpResponse:
    """Tell that the form was refused: `reason` is for developers and goes to the log alone."""
    return _refused(http, "forged", 403)


def bad_request(http: HttpRequest, exception: Exception) -> HttpResponse:
    """Tell that the request cannot be read: a host name that is none, or a form of thousands of fields."""
    return _refused(http, "bad_request", 400)


def _refused(http: HttpRequest, template: str, status: int) -> HttpResponse:
    with translation.override(language_of(http)):
        response = render(http, f"admin_ui/{template}.html", status=status)
    add_headers(response, http)
    return response
