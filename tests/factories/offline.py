"""What services find in tests when they ask other servers: none of them answers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import IO, Any

from matrix_app.protocol.errors import NotFound, RemoteUnreachable
from matrix_app.protocol.ids import Mxc
from matrix_app.services.examine_server import Examination, Hop
from matrix_app.services.fetches import RemoteFile
from matrix_app.services.remote_servers import RemoteQuestion


class Offline:
    """Stands in for the federation layer. Nothing in a test leaves this machine."""

    def request(
        self, destination: str, method: str, path: str, *, timeout: float | None = None, **options: Any
    ) -> Any:
        raise RemoteUnreachable(f"{destination} cannot be reached from tests")

    def request_all(self, questions: Sequence[RemoteQuestion], *, timeout: float) -> list[Any]:
        return [RemoteUnreachable("nobody can be reached from tests") for _ in questions]


class OfflineMedia:
    """Media of other servers cannot be had; tests give it files that can."""

    def __init__(self) -> None:
        self.files: dict[Mxc, tuple[bytes, RemoteFile]] = {}
        self.thumbnails: dict[Mxc, bytes] = {}
        self.asked: list[Mxc] = []

    def download(self, mxc: Mxc, into: IO[bytes], wait_ms: int) -> Future[RemoteFile]:
        self.asked.append(mxc)
        return _written(into, self.files.get(mxc))

    def thumbnail(self, mxc: Mxc, into: IO[bytes], query: dict[str, str]) -> Future[RemoteFile]:
        self.asked.append(mxc)
        found = self.thumbnails.get(mxc)
        return _written(into, None if found is None else (found, RemoteFile("image/png", None)))


def _written(into: IO[bytes], found: tuple[bytes, RemoteFile] | None) -> Future[RemoteFile]:
    future: Future[RemoteFile] = Future()
    if found is None:
        future.set_exception(NotFound("The other server does not have it"))
        return future
    into.write(found[0])
    future.set_result(found[1])
    return future


class OfflinePreviews:
    """Pages cannot be had."""

    def start(self, address: str) -> Future[dict[str, Any]]:
        future: Future[dict[str, Any]] = Future()
        future.set_exception(RemoteUnreachable(f"{address} cannot be reached from tests"))
        return future


def examine(server_name: str) -> Examination:
    """The way to a server ends at its first step."""
    return Examination(server_name, (Hop("route", server_name, "error", "no server in tests"),))


servers = Offline()
previews = OfflinePreviews()
media = OfflineMedia()
