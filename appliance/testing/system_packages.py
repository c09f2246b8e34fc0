"""Debian packages that the tests need beside Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

# Package, program, and what is skipped without it.
WANTED = (
    ("chromium", "chromium", "tests in a browser"),
    ("coturn", "turnserver", "tests of relays for calls"),
    ("zsh", "zsh", "tests of completion in zsh"),
    ("fish", "fish", "tests of completion in fish"),
    ("age", "age", "tests that age opens backups"),
    ("openssh-server", "sshd", "tests of backups over SFTP"),
    ("mmdebstrap", "mmdebstrap", "tests of packages in a system of their own"),
    ("lintian", "lintian", "what lintian says of packages"),
    ("podman", "podman", "tests of the container image"),
    ("runc", "runc", "tests of the container image"),
    ("iptables", "iptables", "tests of the container image"),
)
# They would run on this machine from then on, so they are added where nothing starts them.
SERVICES = frozenset({"coturn", "openssh-server"})


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


def missing_packages() -> list[str]:
    """The packages whose programs are not there, of those that the tests cannot do without."""
    there = {"postgresql": postgresql_programs(), "redis-server": shutil.which("redis-server")}
    return [package for package, program in there.items() if program is None]


def ensure_packages() -> Path:
    """Installs what is missing when this is root, and raises `Missing` when not; PostgreSQL's programs."""
    missing = missing_packages()
    if missing:
        _install(["apt-get", "install", "-y", "--no-install-recommends", *missing])
    programs = postgresql_programs()
    if programs is None:
        raise Missing("PostgreSQL was installed, but its programs are not in /usr/lib/postgresql")
    return programs


def add_wanted() -> None:
    """Installs what some tests want, where it is missing and this is root; tells which are skipped else."""
    missing: dict[str, list[str]] = {}
    for package, program, tests in WANTED:
        if not shutil.which(program) and not (package in SERVICES and Path("/run/systemd/system").exists()):
            missing.setdefault(tests, []).append(package)
    for tests, packages in missing.items():
        try:
            _install(["apt-get", "install", "-y", "--no-install-recommends", *packages])
        except (Missing, subprocess.CalledProcessError) as fault:
            print(f"{tests} are skipped: {fault}", file=sys.stderr, flush=True)


def _install(command: list[str]) -> None:
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise Missing(
            "the tests need programs that are not installed. Run this, then start again:\n"
            f"    sudo {' '.join(command)}"
        )
    print(" ".join(command), file=sys.stderr, flush=True)
    # A runlevel in which what is installed is not started, where there is no systemd.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    subprocess.run([*command, "-qq"], check=True, env=environment, stdout=subprocess.DEVNULL)
