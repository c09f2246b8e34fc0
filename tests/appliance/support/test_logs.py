"""Log lines of the bundle."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import structlog

from appliance.config.sections.server import Logging
from appliance.logging import set_up_logging
from appliance.recent_log import lines
from appliance.support.logs import OMITTED, known_events, shown
from appliance.support.mask import Masker

ROOT = Path(__file__).resolve().parents[3]
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    set_up_logging(Logging(), recent=tmp_path)
    yield tmp_path
    root.handlers[:], root.level = before
    structlog.reset_defaults()


# It logs what it was given, so what it is given is looked at.
BOUNDARY = ROOT / "matrix_app/services/boundary.py"


def calls() -> Iterator[ast.expr | None]:
    """The first argument of every call that logs, or that has a boundary log it."""
    for package in ("appliance", "matrix_app", "admin_ui"):
        for file in (ROOT / package).rglob("*.py"):
            if file == BOUNDARY:
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and is_logging(node.func):
                    yield node.args[0] if node.args else None


def is_logging(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "Boundary"
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    return function.attr in METHODS and function.value.id.strip("_") in ("log", "logger")


def test_what_is_logged_is_always_a_text_of_the_source() -> None:
    """What varies is in fields, so the text itself can be shown to anybody."""
    found = list(calls())
    assert len(found) > 50
    texts = {one.value for one in found if isinstance(one, ast.Constant)}
    assert len([one for one in found if not isinstance(one, ast.Constant)]) == 0
    assert "an event cannot be judged" in texts
    assert texts <= known_events()


def test_a_line_keeps_what_happened_its_figures_and_where_it_failed(log: Path) -> None:
    event = min(known_events())
    logger = structlog.get_logger("matrix_app.somewhere")
    try:
        raise ValueError("the message of alice")
    except ValueError:
        logger.exception(
            event, count=3, server="matrix.org", user_id="@alice:a.example", error="ConnectionError: x"
        )
    (line,) = lines(log)
    said = shown(line, Masker())
    assert (said["event"], said["count"], said["server"], said["level"]) == (event, 3, "matrix.org", "error")
    assert said["error"] == f"ConnectionError: {OMITTED}"
    assert said["exception"][-1] == "ValueError"
    assert said["exception"][0].startswith("tests/appliance/support/test_logs.py:")
    assert b"alice" not in orjson.dumps(said)


def test_texts_of_others_are_left_out(log: Path) -> None:
    logging.getLogger("some.library").error("could not send %r to %s", "the message", "alice")
    structlog.get_logger("matrix_app.x").error("made up", fields={"a": "b"}, path="/_matrix/x?access_token=1")
    for line in lines(log):
        said = shown(line, Masker())
        assert said["event"] == OMITTED
        assert set(said) <= {"timestamp", "event", "level", "logger", "fields", "path"}
        assert said.get("path", OMITTED) == said.get("fields", OMITTED) == OMITTED
