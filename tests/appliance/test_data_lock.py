"""Who may use a data folder at the same time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.data_lock import DataInUse, claim, holders


def test_a_whole_server_runs_alone(tmp_path: Path) -> None:
    with claim(tmp_path):
        for part in ("", "web"):
            with pytest.raises(DataInUse):
                claim(tmp_path, part)


def test_different_parts_run_side_by_side(tmp_path: Path) -> None:
    with claim(tmp_path, "web"), claim(tmp_path, "worker"), pytest.raises(DataInUse):
        claim(tmp_path)


def test_a_part_runs_once(tmp_path: Path) -> None:
    with claim(tmp_path, "web"), pytest.raises(DataInUse):
        claim(tmp_path, "web")


def test_what_failed_and_what_ended_holds_nothing(tmp_path: Path) -> None:
    with claim(tmp_path, "web"), pytest.raises(DataInUse):
        claim(tmp_path)
    with claim(tmp_path):
        pass
    claim(tmp_path, "web").close()


def test_it_is_known_who_holds_the_data(tmp_path: Path) -> None:
    assert holders(tmp_path) == []
    with claim(tmp_path):
        assert holders(tmp_path) == [os.getpid()]
    assert holders(tmp_path) == []
    with claim(tmp_path, "web"), claim(tmp_path, "worker"):
        assert holders(tmp_path) == [os.getpid()] * 2
    with claim(tmp_path, "web"):
        assert holders(tmp_path) == [os.getpid()]
