"""A server that asks, and a client of a user here."""

from __future__ import annotations

import pytest

from tests.factories.client import Client, ClientFactory
from tests.factories.visiting_server import VisitingServer


@pytest.fixture
def remote(transactional_db: None) -> VisitingServer:
    """Another server."""
    return VisitingServer()


@pytest.fixture
def alice(clients: ClientFactory) -> Client:
    """A user of this server."""
    return clients.make("alice")
