"""Functions that run in processes of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.apart import ApartError, run_apart


@pytest.fixture(autouse=True)
def own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process looks for changed settings in a database that has been made."""
    monkeypatch.setenv("HEARTH_SERVER__DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HEARTH_DATABASE__URL", "sqlite:///own.sqlite3")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "appliance.settings")
    run_apart_once()


def run_apart_once() -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "appliance.cli", "migrate"]
    subprocess.run(command, check=True, timeout=120, capture_output=True)


@pytest.mark.slow
def test_it_runs_elsewhere_with_its_arguments(tmp_path: Path) -> None:
    run_apart("tests.appliance.test_apart.note", str(tmp_path / "note"), "told", seconds=60)
    pid, text = (tmp_path / "note").read_text().split()
    assert text == "told"
    assert int(pid) != os.getpid()


@pytest.mark.slow
def test_a_failure_and_a_process_that_does_not_end_are_told() -> None:
    with pytest.raises(ApartError, match="failed"):
        run_apart("tests.appliance.test_apart.fail", seconds=60)
    with pytest.raises(ApartError, match="did not end"):
        run_apart("time.sleep", 60, seconds=4)


def note(file: str, text: str) -> None:
    Path(file).write_text(f"{os.getpid()} {text}")


def fail() -> None:
    raise ValueError("no")
