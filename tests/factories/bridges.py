"""Application services whose transactions arrive in the test alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import yaml

from matrix_app.appservices.pump import AppservicePump
from matrix_app.federation.outgoing import Answer
from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.protocol.errors import BadGateway
from tests.factories.running_pump import RunningPump
from tests.factories.sending import wait_until
from tests.factories.visitor import post

TOKEN = "token of the bridge"


def registration(name: str = "bridge", token: str = TOKEN, **changed: Any) -> dict[str, Any]:
    """A registration whose users are @_NAME_..., its aliases #_NAME_..."""
    return {
        "id": name,
        "url": "http://bridge.invalid",
        "as_token": token,
        "hs_token": f"hs {token}",
        "sender_localpart": f"{name}_bot",
        "namespaces": {
            "users": [{"regex": f"@_{name}_.*", "exclusive": True}],
            "aliases": [{"regex": f"#_{name}_.*", "exclusive": True}],
            "rooms": [],
        },
        **changed,
    }


def write_registration(folder: Path, **changed: Any) -> Path:
    """A registration file."""
    found = registration(**changed)
    folder.mkdir(exist_ok=True)
    file = folder / f"{found['id']}.yaml"
    file.write_text(yaml.safe_dump(found), encoding="utf-8")
    return file


class FakeBridges:
    """What arrived at each service, and what they answer."""

    def __init__(self) -> None:
        self.transactions: list[tuple[str, str, dict[str, Any]]] = []
        self.attempts: list[tuple[str, str, bytes]] = []
        self.down: set[str] = set()
        self.status = 200

    async def send(self, service: Appservice, txn_id: str, body: bytes) -> Answer:
        """As a real one would take it."""
        self.attempts.append((service.id, txn_id, body))
        if service.id in self.down:
            raise BadGateway("bridge.invalid gave no answer")
        if self.status == 200:
            self.transactions.append((service.id, txn_id, orjson.loads(body)))
        return Answer(self.status, {})

    def items(self, key: str = "events", service: str = "bridge") -> list[dict[str, Any]]:
        """Everything under a key of the bodies that a service took, in order."""
        return [item for name, _, body in self.transactions if name == service for item in body.get(key, ())]

    def texts(self, service: str = "bridge") -> list[Any]:
        """What the messages say."""
        found = self.items(service=service)
        return [event["content"].get("body") for event in found if event["type"] == "m.room.message"]

    def has_event(self, event_id: str, service: str = "bridge") -> bool:
        """Whether an event has arrived."""
        return any(event["event_id"] == event_id for event in self.items(service=service))


@contextmanager
def serving(bridges: FakeBridges) -> Iterator[RunningPump[AppservicePump]]:
    """The pump runs as long as the block does."""
    running = RunningPump(AppservicePump(bridges))
    wait_until(lambda: running.pump.is_ready and not running.pump.is_busy)
    try:
        yield running
    finally:
        running.stop()


def make_ghost(name: str, token: str = TOKEN, **extra: Any) -> str:
    """Have the service make a user; its ID."""
    body = {"type": "m.login.application_service", "username": name, "inhibit_login": True, **extra}
    reply = post("/register", body, token=token)
    assert reply.status == 200, reply.text
    user_id: str = reply.body["user_id"]
    return user_id
