"""A pump whose notifications arrive at gateways that exist in the test alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matrix_app.federation.outgoing import Answer
from matrix_app.protocol.errors import BadGateway
from matrix_app.push.pump import Pump
from tests.factories.client import Client
from tests.factories.running_pump import RunningPump

URL = "https://push.example.org/_matrix/push/v1/notify"


class FakeGateway:
    """What arrived at it, and what it answers."""

    def __init__(self) -> None:
        self.notified: list[dict[str, Any]] = []
        self.attempts = 0
        self.status = 200
        self.wait_seconds: int | None = None
        self.is_down = False
        self.rejected: list[str] = []

    async def notify(self, url: str, body: dict[str, Any]) -> Answer:
        """As a gateway's client would."""
        assert url == URL
        self.attempts += 1
        if self.is_down:
            raise BadGateway("push.example.org took too long")
        if self.status == 200:
            self.notified.append(body["notification"])
        return Answer(self.status, {"rejected": self.rejected}, self.wait_seconds)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The notifications of events, without those that only tell how much is unread."""
        return [found for found in self.notified if "event_id" in found]

    @property
    def badges(self) -> list[int]:
        """The counts that were told without an event."""
        return [found["counts"]["unread"] for found in self.notified if "event_id" not in found]

    def texts(self) -> list[Any]:
        """What the messages say."""
        return [found["content"].get("body") for found in self.events]


@contextmanager
def pushing(gateway: FakeGateway) -> Iterator[RunningPump[Pump]]:
    """A pump that runs as long as the block does."""
    from tests.factories.sending import wait_until

    running = RunningPump(Pump(gateway))
    wait_until(lambda: running.pump.is_ready)
    try:
        yield running
    finally:
        running.stop()


def add_pusher(client: Client, pushkey: str = "key", **data: Any) -> None:
    """Give the client's user an HTTP pusher."""
    body = {
        "kind": "http",
        "app_id": "org.example.app",
        "pushkey": pushkey,
        "app_display_name": "App",
        "device_display_name": "Phone",
        "lang": "en",
        "data": {"url": URL, **data},
    }
    assert client.post("/pushers/set", body).status == 200
