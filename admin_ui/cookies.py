"""The cookies of the pages: for the session of each area, for who signs in with a passkey, for messages."""

from __future__ import annotations

from typing import Final, Literal

from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from matrix_app.services import setup
from matrix_app.services.passkey_challenges import LIFETIME_MS
from matrix_app.services.uia.sessions import LIFETIME_MS as REGISTERING_MS
from matrix_app.services.web_sign_in import LONGEST_MS as _LONGEST_SIGNED_IN

LONGEST_MS: Final = {**_LONGEST_SIGNED_IN, "setup": setup.LONGEST_MS}
SameSite = Literal["Lax", "Strict"]
FLASH: Final = "hearth_flash"
_FLASH_SALT: Final = "hearth.flash"
_LONGEST_FLASH: Final = 2000


def session_cookie(area: str, *, secure: bool) -> str:
    """The name of an area's cookie. Browsers keep `__Host-` ones to this host, but only over https."""
    return f"__Host-hearth_{area}" if secure else f"hearth_{area}"


def session_token(http: HttpRequest, area: str) -> str | None:
    """The token of an area's session."""
    return http.COOKIES.get(session_cookie(area, secure=http.is_secure()))


def put_session(response: HttpResponseBase, http: HttpRequest, area: str, token: str) -> None:
    """Give the browser the token of its session."""
    # Account pages are opened from clients, which are other sites; they are safe to only look at.
    _put(response, http, area, token, LONGEST_MS[area], "Lax" if area == "account" else "Strict")


def drop_session(response: HttpResponseBase, http: HttpRequest, area: str) -> None:
    """Have the browser forget its session."""
    response.delete_cookie(session_cookie(area, secure=http.is_secure()))


def passkey_token(http: HttpRequest) -> str | None:
    """The token of a browser that has begun to sign in with a passkey."""
    return http.COOKIES.get(session_cookie("passkey", secure=http.is_secure()))


def put_passkey_token(response: HttpResponseBase, http: HttpRequest, token: str) -> None:
    """Give the browser the token to which the challenge for its passkey is bound."""
    _put(response, http, "passkey", token, LIFETIME_MS, "Strict")


def registering(http: HttpRequest) -> str | None:
    """The ID of what a browser has begun that waits for a mail address to be confirmed."""
    return http.COOKIES.get(session_cookie("registering", secure=http.is_secure()))


def put_registering(response: HttpResponseBase, http: HttpRequest, session_id: str) -> None:
    """Have the browser remember what it has begun; the link in a mail leads here from another site."""
    _put(response, http, "registering", session_id, REGISTERING_MS, "Lax")


def _put(
    response: HttpResponseBase, http: HttpRequest, name: str, value: str, longest_ms: int, same_site: SameSite
) -> None:
    response.set_cookie(
        session_cookie(name, secure=http.is_secure()),
        value,
        max_age=longest_ms // 1000,
        secure=http.is_secure(),
        httponly=True,
        samesite=same_site,
    )


def put_flash(response: HttpResponseBase, http: HttpRequest, kind: str, text: str) -> None:
    """Have the next page show a message: `kind` is ok, warn or error."""
    value = signing.dumps([kind, text[:_LONGEST_FLASH]], salt=_FLASH_SALT)
    response.set_cookie(FLASH, value, max_age=60, secure=http.is_secure(), httponly=True, samesite="Strict")


def read_flash(http: HttpRequest) -> tuple[str, str] | None:
    """The message that the page before left: its kind and its text."""
    try:
        kind, text = signing.loads(http.COOKIES[FLASH], salt=_FLASH_SALT, max_age=120)
    except (KeyError, signing.BadSignature, ValueError):
        return None
    return str(kind), str(text)
