"""The life of the packages in a system of its own, as packaging/tests/deb tells it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "tests" / "deb"
CANNOT = 77
# About 75 seconds where nothing else runs.
SECONDS = 1200

pytestmark = pytest.mark.slow


def told(*arguments: str) -> tuple[int, str]:
    """What the script printed, and its exit code; nothing that it started goes on."""
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    process = subprocess.Popen(
        [SCRIPT, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHON": sys.executable, "UV": str(uv)},
    )
    try:
        output = process.communicate(timeout=SECONDS)[0]
        return process.returncode, output
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="packages are built by Python 3.11 to 3.13")
def test_the_packages_are_installed_used_upgraded_rolled_back_and_removed() -> None:
    code, output = told("bookworm", "--quick")
    if code == CANNOT:
        pytest.skip(output.strip().splitlines()[-1])
    assert code == 0, output[-5000:]
    assert "1 passed, 0 failed" in output
