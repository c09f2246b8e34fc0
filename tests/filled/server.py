"""A real server that is filled: its web processes alone, so that nothing changes by itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.filled.filling import Filled
from tests.real_server import PROJECT, RealServer
from tests.toml_text import Tables

WEB = ("appliance.cli", "web")


class FilledServer(RealServer):
    """A server, and what there is to look at."""

    filled: Filled
    # How much is on it, by the name that `tests.filled` knows.
    size: str

    def fill(self, folder: Path, *arguments: str) -> None:
        """Make its database, and put as much into it as the arguments of `tests.filled` say."""
        file = folder / "filled.json"
        self.size, *options = arguments
        done = subprocess.run(
            [sys.executable, "-m", "tests.filled", self.size, str(file), *options],
            cwd=PROJECT, env=self.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
        self.filled = msgspec.json.decode(file.read_bytes(), type=Filled)


@contextmanager
def filled_server(
    folder: Path, *arguments: str, settings: Tables | None = None, database_url: str = ""
) -> Iterator[FilledServer]:
    """Start a server that is filled as the arguments of `tests.filled` say."""
    server = FilledServer(folder, database_url=database_url, settings=settings, command=WEB)
    server.fill(folder, *arguments)
    with server:
        yield server
