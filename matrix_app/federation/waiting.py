"""Requests to other servers for callers that wait, such as services."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.client import federation_client
from matrix_app.federation.transport import DISCOVERY_SECONDS
from matrix_app.protocol.errors import MatrixError, RemoteUnreachable
from matrix_app.protocol.said import said
from matrix_app.services.remote_servers import RemoteQuestion

# Requests of one caller that are under way at a time.
AT_ONCE: Final = 8
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

    def request_all(self, questions: Sequence[RemoteQuestion], *, timeout: float) -> list[Any]:
        """The answers, in the order of the questions; a `MatrixError` in the place of each that has none."""
        return loop.run(_ask_all(questions, timeout), timeout=timeout + _MARGIN)


async def _ask_all(questions: Sequence[RemoteQuestion], timeout: float) -> list[Any]:
    gate = asyncio.Semaphore(AT_ONCE)
    deadline = asyncio.get_running_loop().time() + timeout

    async def ask(question: RemoteQuestion) -> Any:
        destination, method, path, options = question
        try:
            async with asyncio.timeout_at(deadline), gate:
                return await federation_client().request(
                    destination, method, path, timeout=timeout, **options
                )
        except MatrixError as error:
            return error
        except TimeoutError:
            return RemoteUnreachable(
                said("There was no time left to wait for {server_name}", server_name=destination)
            )

    return list(await asyncio.gather(*map(ask, questions)))


servers: Final = WaitingServers()
