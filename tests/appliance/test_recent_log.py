"""The latest log lines, for the page that shows them."""

from __future__ import annotations

import logging
from pathlib import Path

from appliance import recent_log
from appliance.config.sections.server import Logging
from appliance.logging import set_up_logging
from appliance.recent_log import NAME, OLDER, RecentLog, lines


def logger_of(folder: Path) -> logging.Logger:
    handler = RecentLog(folder)
    handler.setFormatter(logging.Formatter('{"event": "%(message)s"}'))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    return logger


def events(folder: Path) -> list[str]:
    return [line["event"] for line in lines(folder)]


def test_lines_of_several_processes_are_read_the_latest_first(tmp_path: Path) -> None:
    first, second = logger_of(tmp_path / "logs"), logger_of(tmp_path / "logs")
    first.info("one")
    second.info("two")
    first.info("three")
    assert events(tmp_path / "logs") == ["three", "two", "one"]


def test_a_full_file_is_moved_aside_once(tmp_path: Path) -> None:
    first, second = logger_of(tmp_path), logger_of(tmp_path)
    second.info("early")
    big = "x" * 10_000
    for _ in range(recent_log.MOST_BYTES // 10_000 + 1):
        first.info(big)
    second.info("late")
    first.info("last")
    assert (tmp_path / OLDER).stat().st_size >= recent_log.MOST_BYTES
    assert (tmp_path / NAME).stat().st_size < 20_000
    assert events(tmp_path)[:2] == ["last", "late"]
    assert "early" in events(tmp_path)


def test_a_line_without_end_is_cut_and_nonsense_is_left_out(tmp_path: Path) -> None:
    logger_of(tmp_path).info("y" * 100_000)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b"{half\n[1]\n")
    (found,) = lines(tmp_path)
    assert len(found["event"]) <= recent_log.MOST_LINE


def test_logging_keeps_its_lines_in_the_folder(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        set_up_logging(Logging(), recent=tmp_path)
        logging.getLogger("some.part").warning("careful")
    finally:
        root.handlers[:], root.level = before
    (found,) = lines(tmp_path)
    assert (found["event"], found["level"], found["logger"]) == ("careful", "warning", "some.part")
