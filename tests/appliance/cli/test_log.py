"""Log lines and bars of verbs: on the standard error, and out of what is printed."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from appliance.cli.__main__ import main
from appliance.cli.log import set_up_logging_of_verbs
from appliance.cli.progress import Progress
from appliance.config.sections.server import Logging
from matrix_app.services import evict_media

pytestmark = pytest.mark.usefixtures("restored_logging")


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


class Terminal(io.StringIO):
    """Somebody looks at it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.django_db(transaction=True)
def test_what_is_logged_never_gets_into_what_programs_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def evict() -> int:
        structlog.get_logger("matrix_app.media").warning("the store is slow", seconds=3)
        logging.getLogger("some.library").error("something else")
        return 2

    monkeypatch.setattr(evict_media, "evict", evict)
    assert main(["media", "evict", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == {"removed": 2}
    assert "the store is slow" in told.err
    assert "something else" in told.err


def test_only_warnings_are_told_unless_everything_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    for config, heard in ((Logging(level="info"), False), (Logging(level="debug"), True)):
        set_up_logging_of_verbs(config)
        structlog.get_logger(f"matrix_app.{config.level}").info("nothing special")
        assert ("nothing special" in capsys.readouterr().err) is heard


def test_a_log_line_stands_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    set_up_logging_of_verbs(Logging(format="json"))
    progress = Progress()
    progress("media", 1, 2)
    structlog.get_logger("matrix_app.bar").warning("a file is missing")
    progress("media", 2, 2)
    progress.end()
    lines = [line.split("\r\x1b[K")[-1] for line in terminal.getvalue().split("\n")]
    assert json.loads(lines[0])["event"] == "a file is missing"
    assert lines[1].endswith("100 %")
    assert lines[2:] == [""]


def test_without_a_terminal_there_is_a_line_for_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    for done in range(3):
        progress("database", done, 3)
    progress("media", 0, None)
    progress.end()
    assert capsys.readouterr().err == "database\nmedia\n"
