"""A server that asks, and a client of a user here."""

from __future__ import annotations

import pytest

from tests.factories.client import Client, ClientFactory
from tests.factories.remote_server import RemoteServer


@pytest.fixture
def remote(transactional_db: None) -> RemoteServer:
    """Another server."""
    return RemoteServer()


@pytest.fixture
def alice(clients: ClientFactory) -> Client:
    """A user of this server."""
    return clients.make("alice")
