"""The libraries that clients are built on, against a real server."""

from __future__ import annotations

import fcntl
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_server import Elsewhere, RealServer, engines, judged_server

HERE = Path(__file__).resolve().parent
JS = HERE / "js_sdk"
PATIENCE = 180


@pytest.fixture(scope="module", params=engines())
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealServer | Elsewhere]:
    with judged_server(tmp_path_factory.mktemp("hearth"), request.param) as running:
        yield running


def tell(command: list[str], folder: Path) -> None:
    """Runs a script that tells its story, which must come to its end."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    assert "told to the end" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("nio"), reason="needs matrix-nio")
def test_two_users_of_matrix_nio_live_together(server: RealServer | Elsewhere) -> None:
    tell([sys.executable, "nio_script.py", server.base], HERE)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("npm") or not shutil.which("node"), reason="needs Node and npm")
def test_two_users_of_matrix_js_sdk_live_together(server: RealServer | Elsewhere) -> None:
    install_js_sdk()
    tell(["node", "script.mjs", server.base], JS)


def install_js_sdk() -> None:
    """Installs what package-lock.json names, unless that was done before."""
    with (JS / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = JS / "node_modules/.package-lock.json"
        wanted = JS / "package-lock.json"
        if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
            return
        subprocess.run(["npm", "ci"], cwd=JS, check=True, timeout=PATIENCE, capture_output=True)
