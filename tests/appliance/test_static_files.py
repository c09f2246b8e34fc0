"""Collecting static files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.static_files import STAMP, collect


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Path:
    settings.STATIC_ROOT = tmp_path / "static"
    return tmp_path / "static"


def test_files_are_collected_once_and_again_when_they_have_changed(root: Path) -> None:
    assert collect()
    assert not collect()
    (root / STAMP).write_text("other", encoding="ascii")
    assert collect()


def test_what_a_package_brings_is_left_alone(root: Path, settings: Any) -> None:
    settings.PACKAGED_STATIC = root
    root.mkdir()
    assert collect(), "while the package is built"
    (root / STAMP).write_text("as built elsewhere", encoding="ascii")
    root.chmod(0o555)
    assert not collect()
    root.chmod(0o755)
