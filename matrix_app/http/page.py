"""The few pages for people among the endpoints: HTML without anything from elsewhere."""

from __future__ import annotations

import secrets
from typing import Any

from django.http import HttpResponse

from matrix_app.protocol.errors import MatrixError
from matrix_app.services.templates import render


def page(template: str, /, *, status: int = 200, captcha: bool = False, **values: Any) -> HttpResponse:
    """A page of `matrix_app/templates/pages`; only its own scripts run, and it loads nothing."""
    nonce = secrets.token_urlsafe(16)
    html = render(f"pages/{template}.html", nonce=nonce, **values)
    response = HttpResponse(html, status=status, content_type="text/html; charset=utf-8")
    # A captcha brings frames and scripts of its own.
    sources = "'self' https://www.recaptcha.net https://www.gstatic.com https://www.google.com"
    extra = f"; frame-src {sources}; img-src {sources}" if captcha else ""
    trusted = " 'strict-dynamic'" if captcha else ""
    styles = "'unsafe-inline'" if captcha else f"'nonce-{nonce}'"
    response["Content-Security-Policy"] = (
        f"default-src 'none'; connect-src 'self'; script-src 'nonce-{nonce}'{trusted}; style-src {styles};"
        f" base-uri 'none'; form-action 'self'; frame-ancestors 'none'{extra}"
    )
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def error_page(error: MatrixError) -> HttpResponse:
    """A page that says what went wrong."""
    text = error.message or error.errcode
    return page("message", status=error.status, title="That did not work", text=text)
