"""What clients see of a bug."""

from __future__ import annotations

import json

from django.test import RequestFactory
from django.urls import get_resolver


def test_a_bug_is_answered_with_a_matrix_error_that_browsers_may_read() -> None:
    handler = get_resolver().resolve_error_handler(500)
    response = handler(RequestFactory().get("/_matrix/client/versions"))
    assert response.status_code == 500
    assert json.loads(response.content) == {"errcode": "M_UNKNOWN", "error": "Internal server error"}
    assert response["Access-Control-Allow-Origin"] == "*"
