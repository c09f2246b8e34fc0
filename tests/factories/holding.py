"""A process that holds the data of a server, as the first process of one that runs does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import signal, sys
from pathlib import Path
from appliance.data_lock import claim
with claim(Path(sys.argv[1])):
    signal.signal(signal.SIGUSR1, lambda *_: print("anew", flush=True))
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(run_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """The process, which says "anew" when it is asked for a new start."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(run_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.communicate()
