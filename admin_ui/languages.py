"""In which language a visitor sees the pages: the one they chose, or the best of their browser's."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext as _

from matrix_app.protocol.errors import InvalidParam

COOKIE: Final = "hearth_language"
_KEPT_SECONDS: Final = 365 * 86400


def language_of(http: HttpRequest) -> str:
    """The code of a language that the pages have."""
    chosen = http.COOKIES.get(COOKIE)
    if chosen in dict(settings.LANGUAGES):
        return str(chosen)
    return get_language_from_request(http)


def choose(response: HttpResponseBase, http: HttpRequest, code: str) -> None:
    """Have the browser keep a choice; raises `InvalidParam` where the pages have no such language."""
    if code not in dict(settings.LANGUAGES):
        raise InvalidParam(_("There is no such language"))
    response.set_cookie(
        COOKIE, code, max_age=_KEPT_SECONDS, secure=http.is_secure(), httponly=True, samesite="Lax"
    )
