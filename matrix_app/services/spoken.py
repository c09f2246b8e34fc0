"""Sentences of services and checks in the language of whoever reads them."""

from __future__ import annotations

from django.utils import translation
from django.utils.formats import get_format

from matrix_app.protocol.said import rendered


def spoken(text: str) -> str:
    """A sentence in the present language (that of the visit), numbers included."""
    return rendered(text, translation.gettext, str(get_format("DECIMAL_SEPARATOR")))


def spoken_in(language: str, text: str) -> str:
    """A sentence in a language by its code."""
    with translation.override(language):
        return spoken(text)
