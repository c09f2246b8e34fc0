"""Every endpoint of the specification, with requests that nobody would write by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz.bundle import bundle, specification
from tests.fuzz.driver import explore
from tests.real_server import engines, judged_server

EXAMPLES = int(os.environ.get("HEARTH_FUZZ_EXAMPLES", "6"))
SECONDS = float(os.environ.get("HEARTH_FUZZ_SECONDS", "180"))


@pytest.mark.slow
@pytest.mark.parametrize("engine", engines()[-1:])
def test_no_request_made_from_the_specification_breaks_the_server(tmp_path: Path, engine: str) -> None:
    spec = specification()
    if spec is None:
        pytest.skip("needs the Matrix specification: set MATRIX_SPEC_DIR")
    with judged_server(tmp_path, engine) as server:
        verdicts = explore(bundle(spec), server.base, examples=EXAMPLES, seconds=SECONDS)
    assert verdicts.requests > 1000 or EXAMPLES < 6, "hardly anything was asked"
    assert not verdicts.faults, f"{len(verdicts.faults)} faults:\n{verdicts}"
