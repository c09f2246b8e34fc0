"""What went wrong, as pages tell it."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

from matrix_app.protocol.errors import MatrixError

# Said by the error itself; `manage.py translations` finds those of services where they are raised.
gettext_noop("Too many requests")


def told(error: MatrixError) -> str:
    """An error in the visitor's language; in English where its sentence has a name or a number in it."""
    return gettext(error.message) if error.message else error.errcode
