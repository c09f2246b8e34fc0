"""Versions, sizes, packages and services of the machine."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

from appliance.config import get_config
from appliance.machine import memory_figures
from appliance.packaged import is_packaged
from appliance.version import OLDEST_CODE, VERSION

SECONDS: Final = 20
PACKAGES: Final = (
    "hearth",
    "hearth-runtime",
    "python3",
    "caddy",
    "coturn",
    "postgresql",
    "redis-server",
    "nginx",
    "apache2",
    "systemd",
)
UNITS: Final = (
    "hearth.target",
    "hearth-web.socket",
    "hearth-web.service",
    "hearth-worker.service",
    "hearth-migrate.service",
    "hearth-proxy.service",
    "hearth-turn.service",
    "hearth-turn-certificate.service",
    "hearth-turn-certificate.path",
    "hearth-doctor.service",
    "hearth-doctor.timer",
)
_PROPERTIES: Final = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "NRestarts",
    "ExecMainStatus",
    "ActiveEnterTimestamp",
    "MemoryCurrent",
    "TasksCurrent",
)
# More files are not counted: the figure says so.
_MOST_FILES: Final = 200_000


def versions() -> dict[str, Any]:
    """Of Hearth, Python, its libraries, and the system."""
    return {
        "hearth": VERSION,
        "oldest_compatible": OLDEST_CODE,
        "is_packaged": is_packaged(),
        "python": sys.version.split()[0],
        "system": _system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "libraries": {one.metadata["Name"]: one.version for one in distributions() if one.metadata["Name"]},
    }


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return platform.system()


def sizes() -> dict[str, Any]:
    """Of the machine, and of what is in the data folder."""
    folder = get_config().server.data_dir
    disk = shutil.disk_usage(folder if folder.exists() else "/")
    return {
        "processors": os.cpu_count(),
        "load": list(os.getloadavg()),
        "memory_kib": _memory(),
        "disk": disk._asdict(),
        "folders": {
            name: _counted(folder / name) for name in ("media", "backups", "logs", "secrets", "static")
        },
    }


def _memory() -> dict[str, int]:
    """The figures of memory that matter, in KiB."""
    wanted = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
    found = memory_figures()
    return {name: found[name] for name in wanted if name in found}


def _counted(folder: Path) -> dict[str, int | bool]:
    count = size = 0
    for place, _folders, names in os.walk(folder):
        for name in names:
            count += 1
            try:
                size += (Path(place) / name).lstat().st_size
            except OSError:
                continue  # gone meanwhile, or not ours to see
        if count > _MOST_FILES:
            return {"files": count, "bytes": size, "and_more": True}
    return {"files": count, "bytes": size}


def packages() -> str:
    """The packages that matter, and files of Hearth's that are not as they were shipped."""
    if shutil.which("dpkg-query") is None:
        return "dpkg is not there\n"
    states = "${Package} ${Version} ${db:Status-Abbrev}\\n"
    listed = _said("dpkg-query", "--show", f"--showformat={states}", *PACKAGES)
    changed = _said("dpkg", "--verify", "hearth", "hearth-runtime") if is_packaged() else ""
    return f"{listed}\nchanged files:\n{changed or 'none'}\n"


def units() -> str:
    """How systemd sees the services."""
    if not Path("/run/systemd/system").is_dir():
        return "systemd does not run\n"
    named = [f"--property={name}" for name in ("Id", *_PROPERTIES)]
    return _said("systemctl", "show", *named, *UNITS)


def _said(*command: str) -> str:
    """What a program of the system prints; what it complains of is left out."""
    try:
        done = subprocess.run(  # noqa: S603  (programs and arguments are constants)
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        return f"{command[0]}: {type(fault).__name__}\n"
    return done.stdout
