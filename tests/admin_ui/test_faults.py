"""Errors as pages tell them."""

from __future__ import annotations

import pytest
from django.utils import translation

from admin_ui.faults import told
from matrix_app.protocol.errors import Forbidden, LimitExceeded, MatrixError, WeakPassword
from matrix_app.protocol.said import said


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Forbidden("That is not your password"), "Das ist nicht dein Passwort"),
        (LimitExceeded(1000), "Zu viele Anfragen"),
        (
            WeakPassword(said("The password must have at least {count} characters", count=12)),
            "Das Passwort muss mindestens 12 Zeichen haben",
        ),
        (Forbidden("nobody has translated this, 100 % of it"), "nobody has translated this, 100 % of it"),
        (Forbidden(), "M_FORBIDDEN"),
    ],
)
def test_errors_are_told_in_the_present_language(error: MatrixError, text: str) -> None:
    with translation.override("de"):
        assert told(error) == text
