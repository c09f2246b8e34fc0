"""What every request meets: errors in one form, request IDs in the logs."""

from __future__ import annotations

import io

import orjson
import pytest
import structlog
from django.test import RequestFactory
from structlog.testing import capture_logs

from matrix_app.http.bridge import Bridge
from matrix_app.http.dispatch import dispatch, make_request
from matrix_app.http.endpoint import Auth, Endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam


def _broken(_request: Request) -> None:
    raise ZeroDivisionError


def test_a_bug_is_logged_and_answered_in_the_standard_form() -> None:
    http = RequestFactory().get("/_matrix/broken")
    http.META["hearth.found"] = (Endpoint("GET", ("/_matrix/broken",), Auth.NONE, _broken), {})
    with capture_logs() as lines:
        response = dispatch(http)
    assert response.status_code == 500
    assert orjson.loads(response.content)["errcode"] == "M_UNKNOWN"  # type: ignore[attr-defined]
    assert [line["event"] for line in lines] == ["a request failed"]


@pytest.mark.django_db
def test_log_lines_of_a_view_carry_the_id_of_their_request() -> None:
    seen: list[object] = []

    def handler(_request: Request) -> dict[str, str]:
        seen.append(structlog.contextvars.get_contextvars().get("request_id"))
        return {}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/_matrix/x",
        "query_string": b"",
        "headers": [],
        "hearth.request_id": "abc-1",
        "hearth.found": (Endpoint("GET", ("/_matrix/x",), Auth.NONE, handler), {}),
    }

    with structlog.contextvars.bound_contextvars(request_id="before"):
        Bridge()._run(scope, io.BytesIO(), 0, None, None)  # type: ignore[arg-type]
    structlog.contextvars.clear_contextvars()
    assert seen == ["abc-1"]


def test_of_several_values_of_a_parameter_the_first_counts() -> None:
    request = make_request(RequestFactory().get("/_matrix/x?dir=b&dir=f&empty="), {})
    assert request.query("dir") == "b"
    assert request.query_list("dir") == ["b", "f"]
    assert request.query("empty") == ""
    assert request.query("missing") is None


@pytest.mark.parametrize("text", ["1_0", "%205", "+5", "5.0", "%D9%A3", "0x5", "", "9" * 5000])
def test_what_is_no_whole_number_is_no_parameter_either(text: str) -> None:
    request = make_request(RequestFactory().get(f"/_matrix/x?limit={text}"), {})
    with pytest.raises(InvalidParam):
        request.query_int("limit", 10)


def test_who_asks_with_another_method_is_told_which_there_are() -> None:
    http = RequestFactory().delete("/_matrix/client/v3/account/3pid")
    http.META["hearth.raw_path"] = "/_matrix/client/v3/account/3pid"
    answer = dispatch(http)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
