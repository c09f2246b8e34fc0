"""The sender as a part of the worker process: started with it, ended with it, and only in one process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from appliance.config import get_config
from matrix_app.federation.led import start_led
from matrix_app.federation.sender.sender import Sender
from matrix_app.storage.destinations import Health

if TYPE_CHECKING:
    from matrix_app.federation.client import FederationClient

# What a server says of each event in a transaction.
MOST_ANSWER_BYTES: Final = 1 << 20


class _LazyClient:
    """The federation client, which is big, imported when there is something to send."""

    def check(self, destination: str) -> Health:
        return _federation_client().check(destination)

    async def request(
        self,
        destination: str,
        method: str,
        path: str,
        *,
        content: dict[str, object],
        timeout: float,
        health: Health,
    ) -> object:
        return await _federation_client().request(
            destination,
            method,
            path,
            content=content,
            timeout=timeout,
            max_bytes=MOST_ANSWER_BYTES,
            health=health,
        )


def _federation_client() -> FederationClient:
    from matrix_app.federation.client import federation_client

    return federation_client()


def start() -> Callable[[], None]:
    """Send from this process, unless another does; what is returned ends it."""
    if not get_config().federation.enabled:
        return lambda: None
    return start_led("sender", lambda: Sender(_LazyClient()))
