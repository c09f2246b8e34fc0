"""Every kind of long task is found in the module that is said to declare it, and none is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from matrix_app.services import long_task_kinds, long_tasks

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", long_task_kinds.MODULES)
def test_a_kind_is_declared_by_its_module(kind: str) -> None:
    assert long_tasks.piece_of(kind).__module__ == long_task_kinds.MODULES[kind]


def test_every_module_that_declares_a_kind_is_named() -> None:
    declaring = {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        for folder in ("appliance", "matrix_app", "admin_ui")
        for path in (PROJECT / folder).rglob("*.py")
        if re.search(r"^@long_task\(", path.read_text(), re.MULTILINE)
    }
    assert declaring == set(long_task_kinds.MODULES.values())
