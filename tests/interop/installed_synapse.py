"""The Synapse that the tests speak with, in a virtual environment that is made once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.lock")
PATIENCE = 900
# pip's words when there is nobody to ask for packages.
NO_INDEX = "(from versions: none)"


class NoPackageIndex(Exception):
    """There is nobody to get Synapse from."""


def synapse_python() -> str:
    """The Python that runs Synapse: HEARTH_TEST_SYNAPSE, or that of an environment made from the lock file.

    Raises `NoPackageIndex` where it would have to be installed and cannot be.
    """
    if given := os.environ.get("HEARTH_TEST_SYNAPSE"):
        return given
    folder = environment_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(folder):
            install(folder)
    return str(folder / "bin/python")


def environment_folder() -> Path:
    """Beside the environment that the tests run in."""
    own = Path(sys.prefix)
    if sys.prefix == sys.base_prefix:
        own = Path(__file__).resolve().parents[2] / ".venv"
    return own.with_name(f"{own.name}-synapse")


def wanted_stamp() -> str:
    """What an environment is marked with that was made from this lock file by this Python."""
    return f"{sys.version} {hashlib.sha256(LOCK.read_bytes()).hexdigest()}"


def is_current(folder: Path) -> bool:
    """Whether an environment has what the lock file names."""
    stamp = folder / "stamp"
    return stamp.exists() and stamp.read_text() == wanted_stamp()


def install(folder: Path) -> None:
    """Makes the environment anew."""
    python = folder / "bin/python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, timeout=PATIENCE)
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
         "--retries", "2", "--prefer-binary", "--require-hashes", "-r", LOCK],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    if NO_INDEX in done.stderr:
        raise NoPackageIndex("Synapse is not installed, and no package index answers")
    assert done.returncode == 0, f"Synapse cannot be installed:\n{done.stderr[-4000:]}"
    (folder / "stamp").write_text(wanted_stamp())
