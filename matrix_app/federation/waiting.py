"""Requests to other servers for callers that wait, such as services."""

from __future__ import annotations

from typing import Any, Final

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.client import federation_client
from matrix_app.federation.transport import DISCOVERY_SECONDS

# The client keeps its own time-outs; this is for what may come before and after them.
_MARGIN: Final = DISCOVERY_SECONDS + 10.0


class WaitingServers:
    """`services.remote_servers.RemoteServers` by the client of this process."""

    def request(
        self, destination: str, method: str, path: str, *, timeout: float | None = None, **options: Any
    ) -> Any:
        """The JSON of the answer; raises `RemoteError`, `RemoteUnreachable`, `FederationDenied`."""
        seconds = get_config().federation.request_timeout_seconds if timeout is None else timeout
        asked = federation_client().request(destination, method, path, timeout=seconds, **options)
        return loop.run(asked, timeout=seconds + _MARGIN)


servers: Final = WaitingServers()
