"""Log lines of verbs: on the standard error, so that what a verb prints stays what it says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from appliance.cli.progress import clear
from appliance.logging import set_up_logging

if TYPE_CHECKING:
    from appliance.config.sections.server import Logging


class _AboveTheBar:
    """The standard error of the moment; what is written there stands above a bar that is being drawn."""

    def write(self, text: str) -> int:
        clear()
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def set_up_logging_of_verbs(config: Logging) -> None:
    """Have warnings and worse told, or more where `logging.level` is debug."""
    level = "warning" if config.level == "info" else config.level
    set_up_logging(replace(config, level=level), _AboveTheBar())
