"""Other servers, as services ask them: the federation layer above is looked up when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class RemoteQuestion(NamedTuple):
    """One of several requests; the options are those of `request`."""

    destination: str
    method: str
    path: str
    options: dict[str, Any]


class RemoteServers(Protocol):
    """What the federation layer does for services, which wait for it."""

    def request(
        self, destination: str, method: str, path: str, *, timeout: float | None = None, **options: Any
    ) -> Any:
        """The JSON of the answer; raises `RemoteError`, `RemoteUnreachable`, `FederationDenied`."""
        ...

    def request_all(self, questions: Sequence[RemoteQuestion], *, timeout: float) -> list[Any]:
        """The answers to several requests, a few at a time; a `MatrixError` in the place of each without."""
        ...


def remote_servers() -> RemoteServers:
    """The federation layer."""
    found: RemoteServers = import_string(settings.REMOTE_SERVERS)
    return found


def request(destination: str, method: str, path: str, *, timeout: float | None = None, **options: Any) -> Any:
    """Ask a server and wait for its answer, at most `timeout` seconds.

    `path` is encoded. Options are those of `FederationClient.request`: `query`, `content`, `max_bytes`,
    `even_if_failing`. Raises `RemoteError`, `RemoteUnreachable`, `FederationDenied`.
    """
    return remote_servers().request(destination, method, path, timeout=timeout, **options)


def request_all(questions: Sequence[RemoteQuestion], *, timeout: float) -> list[Any]:
    """Ask several servers at once: the JSON of each answer, or the `MatrixError` that stands for it.

    Each may take `timeout` seconds, and so may all of them together.
    """
    return remote_servers().request_all(questions, timeout=timeout)
