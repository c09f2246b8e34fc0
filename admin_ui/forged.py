"""The answer to a form that did not come from a page of this server."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from admin_ui.languages import language_of
from admin_ui.security import add_headers


def forged(http: HttpRequest, reason: str = "") -> HttpResponse:
    """Tell that the form was refused: `reason` is for developers and goes to the log alone."""
    with translation.override(language_of(http)):
        response = render(http, "admin_ui/forged.html", status=403)
    add_headers(response)
    return response
