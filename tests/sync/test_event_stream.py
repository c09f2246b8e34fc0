"""The deprecated event stream (GET /events)."""

import orjson
import pytest

from matrix_app.sync import event_stream
from tests.factories.client import Client, ClientFactory
from tests.factories.syncing import begin, follow, sync

pytestmark = pytest.mark.django_db(transaction=True)


def read_on(client: Client, token: str) -> tuple[list[str], str]:
    """The texts of the next chunk, and where it ends."""
    body = orjson.loads(follow(begin(client, "/events", **{"from": token})))
    return [event["content"]["body"] for event in body["chunk"] if "body" in event["content"]], body["end"]


def test_who_has_missed_much_gets_it_all_chunk_by_chunk(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "MOST_EVENTS", 3)
    alice = clients.make()
    rooms = [alice.create_room() for _ in range(2)]
    token = sync(alice)["next_batch"]
    said = [str(number) for number in range(16)]
    for number, text in enumerate(said):
        alice.send(rooms[number % 3 == 0], text)
    found: list[str] = []
    for _ in range(6):
        texts, token = read_on(alice, token)
        found += texts
    assert found == said
