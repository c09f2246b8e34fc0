"""Where the kinds of long tasks are declared."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Final

MODULES: Final[tuple[str, ...]] = (
    "appliance.backup.task",
    "matrix_app.services.account_export.task",
    "matrix_app.services.administer_room",
    "matrix_app.services.copy_media",
    "matrix_app.services.purge_history",
    "matrix_app.services.redact_user",
    "matrix_app.services.send_notice",
    "matrix_app.services.user_import.task",
)


@lru_cache(maxsize=1)
def load() -> None:
    """Import every module that declares a kind."""
    for module in MODULES:
        import_module(module)
