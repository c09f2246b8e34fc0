"""What went wrong, as pages tell it."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from matrix_app.protocol.errors import MatrixError
from matrix_app.services.spoken import spoken

# Said by the error itself; `manage.py translations` finds those of services where they are raised.
gettext_noop("Too many requests")
gettext_noop("You can ask for an export once in an hour")


def told(error: MatrixError) -> str:
    """An error in the visitor's language."""
    return spoken(error.message or error.errcode)
