"""Signing in on a page, for clients that know none of the ways to log in ("Login Fallback")."""

from __future__ import annotations

from django.http import HttpResponse

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.page import page
from matrix_app.http.request import Request
from matrix_app.services import cas


@endpoint("GET", "/_matrix/static/client/login", auth=Auth.NONE)
def show_login(request: Request) -> HttpResponse:
    """A page that performs the entire login process (GET /_matrix/static/client/login/)."""
    return page("login", title="Sign in", sso=cas.is_configured())
