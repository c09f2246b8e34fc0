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
# Where nothing else runs: about 75 seconds for the packages, four minutes for the boots, 100 for the image.
SECONDS = 1200

pytestmark = pytest.mark.slow
builds_packages = pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="packages are built by Python 3.11 to 3.13"
)


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


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the stories of the packages find the libraries of each other."""
    return str(tmp_path_factory.mktemp("cache"))


@builds_packages
def test_the_packages_are_installed_used_upgraded_rolled_back_and_removed(cache: str) -> None:
    check("deb", "bookworm", "--quick", "--cache", cache)


@builds_packages
def test_the_packages_boot_under_systemd_are_upgraded_under_load_and_boot_again(cache: str) -> None:
    check("boot", "bookworm", "--shared-kernel", "--quick", "--from", "same", "--cache", cache)


def test_the_container_image_is_built_set_up_used_and_upgraded() -> None:
    check("container", "--quick")
