"""The servers of a test run: two Hearths and a Synapse that find each other over TLS on loopback."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.restoring import RestorableServer
from tests.federation.certificates import Authority
from tests.interop.gates import Gate, Gatekeeper
from tests.interop.installed_synapse import NoPackageIndex, synapse_python
from tests.interop.people import Person, register
from tests.interop.synapse import SynapseServer
from tests.real_server import RealServer, engines, real_server
from tests.toml_text import Tables

HOST = "localhost"


class House(NamedTuple):
    """A homeserver that runs."""

    kind: str
    name: str
    base: str
    gate: Gate
    server: RealServer | SynapseServer

    def person(self, name: str) -> Person:
        """A new user of the server."""
        person = register(self.base, name)
        person.notes.repeats = self.kind == "synapse"
        return person


class Neighbourhood:
    """Starts each server when it is asked for the first time. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = Authority(folder)
        self.ca_file = self._authority.file
        self._stack = ExitStack()
        self._houses: dict[str, House] = {}
        self._no_synapse: str | None = None
        self.gates = self._stack.enter_context(Gatekeeper())

    def __enter__(self) -> Neighbourhood:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def house(self, kind: str) -> House:
        """`hearth`, on SQLite; `other`, a second Hearth, on PostgreSQL if this run has one; or `synapse`."""
        if kind not in self._houses:
            starters: dict[str, Callable[[Path, str], RealServer | SynapseServer]] = {
                "hearth": lambda folder, name: self._hearth(folder, name, "sqlite"),
                "other": lambda folder, name: self._hearth(
                    folder, name, engines()[-1], longest_backoff_seconds=2
                ),
                "synapse": self._synapse,
            }
            self._houses[kind] = self._start(kind, starters[kind])
        return self._houses[kind]

    @contextmanager
    def restorable(self, folder: Path, engine: str) -> Iterator[tuple[House, RestorableServer]]:
        """One more Hearth, which can be restored from its backup on another machine."""
        gate = self.gates.gate(self._authority.server_context(HOST))
        name = f"{HOST}:{gate.port}"
        with RestorableServer(folder, engine, anew=True, settings=self._settings(name)) as restorable:
            gate.target = restorable.server.port
            yield House("hearth", name, restorable.server.base, gate, restorable.server), restorable

    def _start(self, kind: str, starter: Callable[[Path, str], RealServer | SynapseServer]) -> House:
        folder = self._folder / kind
        folder.mkdir(exist_ok=True)  # an earlier test may have been skipped
        gate = self.gates.gate(self._authority.server_context(HOST))
        name = f"{HOST}:{gate.port}"
        server = starter(folder, name)
        gate.target = server.port
        return House(kind, name, server.base, gate, server)

    def _hearth(self, folder: Path, name: str, engine: str, **more: object) -> RealServer:
        return self._stack.enter_context(real_server(folder, engine, self._settings(name, **more)))

    def _settings(self, name: str, **more: object) -> Tables:
        return {
            "server": {"name": name},
            "federation": {
                "allow_servers": [],
                "allow_private_addresses": True,
                "ca_file": self.ca_file,
                **more,
            },
            "presence": {"enabled": True},
            "rooms": {"public_directory_over_federation": True, "user_directory_shows_everyone": True},
            "logging": {"level": os.environ.get("HEARTH_TEST_LOG_LEVEL", "info")},
        }

    def _synapse(self, folder: Path, name: str) -> SynapseServer:
        server = SynapseServer(folder, self._synapse_python(), name, self.ca_file)
        return self._stack.enter_context(server)

    def _synapse_python(self) -> str:
        """Skips the test where there is none, and does not try again for the next."""
        if self._no_synapse is None:
            try:
                return synapse_python()
            except NoPackageIndex as fault:
                self._no_synapse = str(fault)
        pytest.skip(self._no_synapse)
