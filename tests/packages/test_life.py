"""The lives of the packages and of the container image, as the scripts in packaging/tests tell them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "packaging" / "tests"
CANNOT = 77
# About 75 seconds for the packages and 100 for the image, where nothing else runs.
SECONDS = 1200

pytestmark = pytest.mark.slow


def told(script: str, *arguments: str) -> tuple[int, str]:
    """What a script printed, and its exit code; nothing that it started goes on."""
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    process = subprocess.Popen(
        [SCRIPTS / script, *arguments],
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


def check(*command: str) -> None:
    """The story must come to its end, unless it cannot be told here."""
    code, output = told(*command)
    print(output)
    if code == CANNOT:
        pytest.skip(output.strip().splitlines()[-1])
    assert code == 0, output[-5000:]
    assert "1 passed, 0 failed" in output


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="packages are built by Python 3.11 to 3.13")
def test_the_packages_are_installed_used_upgraded_rolled_back_and_removed() -> None:
    check("deb", "bookworm", "--quick")


def test_the_container_image_is_built_set_up_used_and_upgraded() -> None:
    check("container", "--quick")
