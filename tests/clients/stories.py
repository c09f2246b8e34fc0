"""Runs the scripts in which clients live on real servers."""

from __future__ import annotations

import fcntl
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
JS = HERE / "js_sdk"
PATIENCE = 180

needs_nio = pytest.mark.skipif(not importlib.util.find_spec("nio"), reason="needs matrix-nio")
needs_node = pytest.mark.skipif(
    not shutil.which("npm") or not shutil.which("node"), reason="needs Node and npm"
)


def tell_nio(module: str, *arguments: str) -> None:
    """Runs a story of matrix-nio, which must come to its end."""
    _tell([sys.executable, "-m", f"tests.clients.{module}", *arguments], PROJECT)


def tell_js(script: str, *arguments: str) -> None:
    """Runs a story of matrix-js-sdk, which must come to its end."""
    install_js_sdk()
    _tell(["node", script, *arguments], JS)


def _tell(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    assert "told to the end" in done.stdout


def install_js_sdk() -> None:
    """Installs what package-lock.json names, unless that was done before."""
    with (JS / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = JS / "node_modules/.package-lock.json"
        wanted = JS / "package-lock.json"
        if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
            return
        subprocess.run(["npm", "ci"], cwd=JS, check=True, timeout=PATIENCE, capture_output=True)
