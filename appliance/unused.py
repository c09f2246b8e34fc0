"""Modules that libraries import as they come, and of which a server uses nothing."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Final

# structlog imports Twisted when it is installed, as it is for Daphne, and Rich: 3 MiB each.
_ABSENT: Final = ("structlog.twisted", "rich")
# uvicorn's own command line brings click, a library for command lines: 1 MiB.
_EMPTY: Final = {"uvicorn.main": ("Server", "main", "run")}


def leave_out() -> None:
    """Has Python take these modules for absent, or for empty, unless they are loaded already."""
    for name in _ABSENT:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    for name, offered in _EMPTY.items():
        empty = ModuleType(name, "Left out by Hearth.")
        empty.__dict__.update(dict.fromkeys(offered))
        sys.modules.setdefault(name, empty)
