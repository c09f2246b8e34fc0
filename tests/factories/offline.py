"""What services find in tests when they ask other servers: none of them answers."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import RemoteUnreachable


class Offline:
    """Stands in for the federation layer. Nothing in a test leaves this machine."""

    def request(
        self, destination: str, method: str, path: str, *, timeout: float | None = None, **options: Any
    ) -> Any:
        raise RemoteUnreachable(f"{destination} cannot be reached from tests")


servers = Offline()
