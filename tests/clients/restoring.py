"""A server that is backed up while others use it, ends suddenly, and returns from its backup."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.factories.commands import command
from tests.interop.keys import DeviceKeys
from tests.interop.people import register
from tests.real_server import RealServer, scratch_database
from tests.toml_text import Tables

CROWD = 3
# What the crowd has done before the backup begins, and does after its end.
TURNS = 3


class Passerby(threading.Thread):
    """Registers, signs in again and again, uploads keys and talks, until told to stop."""

    def __init__(self, base: str) -> None:
        super().__init__(daemon=True)
        self._base = base
        self.turns = 0
        self.turned = threading.Condition()
        self.stopped = threading.Event()

    def run(self) -> None:
        person = register(self._base, "passerby")
        room = person.create_room("12")
        while not self.stopped.is_set():
            device = person.second_device()
            DeviceKeys(device).upload(5)
            device.say(room, "hello")
            device.sync()
            with self.turned:
                self.turns += 1
                self.turned.notify_all()

    def wait_for(self, turns: int) -> None:
        """Return when it has had so many turns more."""
        with self.turned:
            wanted = self.turns + turns
            assert self.turned.wait_for(lambda: self.turns >= wanted, 60), "nothing goes on"


@contextmanager
def crowd(base: str) -> Iterator[None]:
    """People who use the server before, while and after what the block does."""
    people = [Passerby(base) for _ in range(CROWD)]
    for one in people:
        one.start()
    try:
        for one in people:
            one.wait_for(TURNS)
        yield
        for one in people:
            one.wait_for(TURNS)
    finally:
        for one in people:
            one.stopped.set()
        for one in people:
            one.join(60)


class RestorableServer:
    """A Hearth with a backup of its own. A context manager.

    `anew` is whether it is restored on another machine: a new folder and a new database, not in the place
    of the old ones.
    """

    def __init__(self, folder: Path, engine: str, *, anew: bool, settings: Tables | None = None) -> None:
        self._folder, self._anew, self._settings = folder, anew, settings or {}
        self._server_url = os.environ["HEARTH_TEST_DATABASE"] if engine == "postgresql" else ""
        self._stack = ExitStack()
        self._backup = ""
        self.server = self._make("first")

    def _make(self, name: str, port: int | None = None) -> RealServer:
        folder = self._folder / name
        folder.mkdir()
        url = self._stack.enter_context(scratch_database(self._server_url)) if self._server_url else ""
        return RealServer(folder, database_url=url, settings=self._settings, port=port)

    def __enter__(self) -> RestorableServer:
        self.server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.server.stop()
        self._stack.close()

    def backup(self) -> None:
        """Make a backup while a crowd uses the server."""
        with crowd(self.server.base):
            [made] = command(self.server.folder, "backup")["backups"]
        self._backup = made["folder"]

    def restore(self) -> dict[str, Any]:
        """End the server without a warning, and start it as of its backup; what `hearth restore` says."""
        self.server.crash()
        if self._anew:
            old, self.server = self.server, self._make("second", self.server.port)
            kept = shutil.copytree(self._backup, self._folder / "kept" / Path(self._backup).name)
            shutil.rmtree(old.folder)
            told = command(self.server.folder, "restore", str(kept))
        else:
            told = command(self.server.folder, "restore", "--replace", self._backup)
        self.server.start()
        return told
