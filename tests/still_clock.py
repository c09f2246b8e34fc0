"""Runs a command of Hearth at a moment that does not pass, on a disk that is always as full.

python -m tests.still_clock 1790000000000 web
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import NamedTuple

GIB = 1 << 30


class Usage(NamedTuple):
    """How full a disk is, in bytes."""

    total: int
    used: int
    free: int


def stand_still(now_ms: int) -> None:
    """Have the time of day be a moment; clocks that measure go on."""
    time.time = lambda: now_ms / 1000
    vars(shutil)["disk_usage"] = lambda _path: Usage(64 * GIB, 14 * GIB, 50 * GIB)


if __name__ == "__main__":
    stand_still(int(sys.argv[1]))
    from appliance.cli.__main__ import main

    sys.exit(main(sys.argv[2:]))
