"""The machine that the story is told in: its units, its addresses, and what is known after the next boot."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from stories.system import SECONDS, call, wait_for

PATIENCE: Final = int(os.environ.get("STORY_PATIENCE", "1"))
ADDRESS: Final = "192.0.2.10"
NAME: Final = "example.org"
HOST: Final = "matrix.example.org"
AUTHORITY: Final = Path("/var/lib/hearth-proxy/caddy/pki/authorities/local/root.crt")
_MEMORY: Final = Path("/test/memory.json")


def tell(text: str, began: float | None = None) -> None:
    """A line for whoever watches the console, with the seconds since a moment."""
    took = "" if began is None else f" ({time.monotonic() - began:.1f} s)"
    print(f"story: {text}{took}", flush=True)


def remembered() -> dict[str, Any]:
    """What was noted before the machine booted again; nothing at first."""
    found: dict[str, Any] = json.loads(_MEMORY.read_text()) if _MEMORY.exists() else {}
    return found


def remember(**facts: Any) -> None:
    """Note what is to be known after the next boot."""
    _MEMORY.write_text(json.dumps({**remembered(), **facts}))
    os.sync()


def is_active(unit: str) -> bool:
    """Whether systemd says so."""
    return subprocess.run(["systemctl", "--quiet", "is-active", unit], check=False).returncode == 0


def wait_active(unit: str) -> None:
    """Until a unit is; a service that fails is not waited for."""

    def is_there() -> bool:
        assert shown(unit, "ActiveState") != "failed", f"{unit} has failed"
        return is_active(unit)

    wait_for(f"{unit} is active", is_there)


def shown(unit: str, field: str) -> str:
    """A property of a unit."""
    return call("systemctl", "show", "-P", field, unit).strip()


def main_pid(unit: str) -> int:
    """The first process of a service."""
    return int(shown(unit, "MainPID"))


def log_of(unit: str) -> str:
    """What the journal has of a unit since this boot, systemd's own words included."""
    return call("journalctl", "--boot", "--no-pager", "--output=cat", f"--unit={unit}")


__all__ = (
    "ADDRESS", "AUTHORITY", "HOST", "NAME", "PATIENCE", "SECONDS", "call", "is_active", "log_of", "main_pid",
    "remember", "remembered", "shown", "tell", "wait_active", "wait_for",
)  # fmt: skip
