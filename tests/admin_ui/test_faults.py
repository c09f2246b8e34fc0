"""Errors as pages tell them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.utils import translation

from admin_ui.faults import WITH_VALUES, told
from matrix_app.protocol.errors import Forbidden, LimitExceeded, MatrixError, WeakPassword

SERVICES = Path(__file__).resolve().parents[2] / "matrix_app" / "services"


def raised_with_values() -> set[str]:
    """The sentences of services with %s for each value."""
    return {
        "".join(str(part.value) if isinstance(part, ast.Constant) else "%s" for part in sentence.values)
        for path in SERVICES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        for sentence in node.exc.args
        if isinstance(sentence, ast.JoinedStr)
    }


def test_the_sentences_with_values_are_those_of_services() -> None:
    assert set(WITH_VALUES) - raised_with_values() == set()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Forbidden("That is not your password"), "Das ist nicht dein Passwort"),
        (LimitExceeded(1000), "Zu viele Anfragen"),
        (
            WeakPassword("The password must have at least 12 characters"),
            "Das Passwort muss mindestens 12 Zeichen haben",
        ),
        (Forbidden("nobody has translated this, 100 % of it"), "nobody has translated this, 100 % of it"),
        (Forbidden(), "M_FORBIDDEN"),
    ],
)
def test_errors_are_told_in_the_present_language(error: MatrixError, text: str) -> None:
    with translation.override("de"):
        assert told(error) == text
