"""Whether this is the code of a package, and where the package keeps its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CONFIGURATION: Final = Path("/etc/hearth")
# A package brings the static files of the pages along.
STATIC: Final = Path(__file__).resolve().parent.parent / "static"


def is_packaged() -> bool:
    """Whether this code was installed from a package."""
    return STATIC.is_dir()
