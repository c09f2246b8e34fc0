"""Log lines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.log import log_response

from appliance.config.sections.server import Logging
from appliance.logging import request_context, set_up_logging


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_holds_the_event_its_fields_its_logger_level_and_time() -> None:
    stream = io.StringIO()
    set_up_logging(Logging(format="json"), stream)
    structlog.get_logger("hearth.test").warning("joined", room="!a:b", count=3)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "joined",
        "room": "!a:b",
        "count": 3,
        "logger": "hearth.test",
        "level": "warning",
    }


def test_every_line_of_a_request_holds_its_id_also_those_of_libraries() -> None:
    stream = io.StringIO()
    set_up_logging(Logging(format="json"), stream)
    with request_context("r1", user="@a:b"):
        structlog.get_logger("hearth.test").info("one")
        logging.getLogger("some.library").info("two %s", 2)
    structlog.get_logger("hearth.test").info("three")
    assert [(line["event"], line.get("request_id")) for line in lines(stream)] == [
        ("one", "r1"),
        ("two 2", "r1"),
        ("three", None),
    ]


def test_lines_below_the_level_are_left_out_unless_their_logger_has_one_of_its_own() -> None:
    stream = io.StringIO()
    set_up_logging(Logging(format="json", level="warning", levels={"hearth.loud": "debug"}), stream)
    structlog.get_logger("hearth.test").info("hidden")
    structlog.get_logger("hearth.loud").debug("shown")
    assert [line["event"] for line in lines(stream)] == ["shown"]


def test_an_exception_is_part_of_its_line() -> None:
    stream = io.StringIO()
    set_up_logging(Logging(format="json"), stream)
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger("hearth.test").exception("failed")
    (line,) = lines(stream)
    assert "RuntimeError: broken" in line["exception"]


def test_people_are_shown_plain_lines() -> None:
    stream = io.StringIO()
    set_up_logging(Logging(), stream)
    structlog.get_logger("hearth.test").info("joined", room="!a:b")
    assert "joined" in stream.getvalue()
    assert "room=!a:b" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_lines_of_refused_requests_hold_no_access_token() -> None:
    stream = io.StringIO()
    set_up_logging(Logging(format="json"), stream)
    http = RequestFactory().get("/_matrix/client/v3/sync?access_token=secret")
    log_response("Forbidden: %s", http.path, request=http, response=HttpResponse(status=403))
    (line,) = lines(stream)
    assert line["event"] == "Forbidden: /_matrix/client/v3/sync"
    assert "secret" not in stream.getvalue()
