"""Other servers, as services ask them: the federation layer above is looked up when it is first needed."""

from __future__ import annotations

from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class RemoteServers(Protocol):
    """What the federation layer does for services, which wait for it."""

    def request(
        self, destination: str, method: str, path: str, *, timeout: float | None = None, **options: Any
    ) -> Any:
        """The JSON of the answer; raises `RemoteError`, `RemoteUnreachable`, `FederationDenied`."""
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
