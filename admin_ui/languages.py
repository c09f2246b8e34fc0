"""In which language a visitor sees the pages: the one they chose, or the best of their browser's."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request

COOKIE: Final = "hearth_language"


def language_of(http: HttpRequest) -> str:
    """The code of a language that the pages have."""
    chosen = http.COOKIES.get(COOKIE)
    if chosen in dict(settings.LANGUAGES):
        return str(chosen)
    return get_language_from_request(http)
