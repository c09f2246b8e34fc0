"""What Linux tells of the machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from appliance import machine


def test_memory_is_a_part_of_all_memory() -> None:
    found = machine.memory()
    assert found is not None
    assert 0 < found.available < found.total


def test_load_is_told_with_the_number_of_processors() -> None:
    found = machine.load()
    assert found is not None
    assert found.processors == os.cpu_count()
    assert min(found[:3]) >= 0


def test_a_process_began_before_now_and_after_the_boot() -> None:
    began = machine.process_began_ts()
    assert began is not None
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert time.time() - uptime - 5 <= began / 1000 <= time.time() + 1


def test_a_system_without_these_files_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    assert machine.memory() is None
    assert machine.process_began_ts() is None
