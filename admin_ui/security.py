"""What every page sends along: headers that keep out scripts and frames of others."""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# Scripts and styles come from the folder of static files alone: media of users have the same origin.
_POLICY: Final = (
    "default-src 'none'; script-src {static}{captcha}; style-src {static}{styles};"
    " img-src 'self' data:{captcha}; font-src {static}; connect-src 'self'{captcha}; {frames}"
    "manifest-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
)
# Where the script of the captcha comes from, and what it loads.
_CAPTCHA: Final = "".join(
    f" https://www.{host}/recaptcha/" for host in ("recaptcha.net", "google.com", "gstatic.com")
)
# What a source may be in a policy; addresses of IPv6 may not.
_HOST: Final = re.compile(r"[a-z0-9.-]+(:[0-9]+)?", re.IGNORECASE)

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def add_headers(response: HttpResponseBase, http: HttpRequest) -> None:
    """Add the headers of pages, where the view has not set its own."""
    response.headers.setdefault(
        "Content-Security-Policy", content_security_policy(http.headers.get("Host", ""))
    )
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def lead_forms_to(response: HttpResponseBase, http: HttpRequest, *sources: str) -> None:
    """Let the forms of a page lead elsewhere in the end, which browsers apply the policy to as well."""
    policy = content_security_policy(http.headers.get("Host", ""), *sources)
    response["Content-Security-Policy"] = policy


def let_captcha_in(response: HttpResponseBase, http: HttpRequest) -> None:
    """Let a page show the captcha: scripts and frames of its service, which sets styles of its own."""
    policy = content_security_policy(http.headers.get("Host", ""), captcha=True)
    response["Content-Security-Policy"] = policy


def content_security_policy(host: str, *forms: str, captcha: bool = False) -> str:
    """The policy of a page that was asked for under a host name, and whose forms may lead elsewhere too."""
    return _POLICY.format(
        forms=" ".join(("'self'", *forms)),
        static=f"{host}/static/" if _HOST.fullmatch(host) else "'self'",
        captcha=_CAPTCHA if captcha else "",
        styles=" 'unsafe-inline'" if captcha else "",
        frames=f"frame-src{_CAPTCHA}; " if captcha else "",
    )
