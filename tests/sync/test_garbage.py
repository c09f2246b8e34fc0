"""What looks for the answer of a request is forgotten with it: nobody stops for a garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from matrix_app.http.requester import Requester
from matrix_app.sync.wait import Wait
from tests.factories.client import Client, ClientFactory
from tests.factories.syncing import begin, follow, sync

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _kept_garbage() -> Iterator[None]:
    """The garbage collector keeps what it finds."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def _left_behind() -> list[Any]:
    gc.collect()
    return [found for found in gc.garbage if isinstance(found, Requester)]


def _waits_and_is_answered(client: Client, path: str, **query: Any) -> None:
    outcome = begin(client, path, timeout=20_000, **query)
    if not isinstance(outcome, Wait):
        outcome = outcome.work()
    assert isinstance(outcome, Wait)
    assert outcome.is_idle()
    follow(outcome)


@pytest.mark.usefixtures("_kept_garbage")
@pytest.mark.parametrize(("path", "position"), [("/sync", "since"), ("/events", "from")])
def test_a_request_that_waited_leaves_nothing_to_the_garbage_collector(
    clients: ClientFactory, path: str, position: str
) -> None:
    alice = clients.make()
    alice.create_room()
    since = sync(alice)["next_batch"]
    _waits_and_is_answered(alice, path, **{position: since})
    assert _left_behind() == []


@pytest.mark.usefixtures("_kept_garbage")
def test_a_sync_from_the_beginning_leaves_nothing_to_the_garbage_collector(clients: ClientFactory) -> None:
    alice = clients.make()
    alice.create_room()
    sync(alice)
    assert _left_behind() == []
