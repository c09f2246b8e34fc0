"""Debian packages that the tests need beside Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ("postgresql",)


class Missing(Exception):
    """Something is not installed; the message says which command installs it."""


def postgresql_programs() -> Path | None:
    """The folder with the programs of the newest PostgreSQL that is installed."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True
    )
    found = next((folder for folder in folders if (folder / "initdb").exists()), None)
    if found or not (on_path := shutil.which("initdb")):
        return found
    return Path(on_path).resolve().parent


def ensure_postgresql() -> Path:
    """The programs of PostgreSQL; installs them when this is root, and raises `Missing` when not."""
    programs = postgresql_programs()
    if programs:
        return programs
    command = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise Missing(
            f"the tests need PostgreSQL's programs. Run this, then start again:\n    sudo {' '.join(command)}"
        )
    print(f"installing {' '.join(PACKAGES)}", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    subprocess.run([*command, "-qq"], check=True, env=environment, stdout=subprocess.DEVNULL)
    programs = postgresql_programs()
    if programs is None:
        raise Missing("PostgreSQL was installed, but its programs are not in /usr/lib/postgresql")
    return programs
