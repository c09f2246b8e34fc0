"""What tests of federation share: an authority, and clients that find their servers on loopback ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import msgspec
import pytest

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.client import FederationClient
from matrix_app.federation.discovery import SrvRecord
from matrix_app.federation.transport import Transport
from tests.federation.certificates import Authority
from tests.federation.fakes import Addresses, MemoryBackoff, Srv, WellKnown


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the clients of these tests trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


class Clients:
    """Makes clients for which names lead to ports of this machine."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.made: list[FederationClient] = []
        self.backoff = MemoryBackoff()

    def make(
        self,
        ports: Mapping[str, int] | None = None,
        *,
        delegated: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
        **settings: Any,
    ) -> FederationClient:
        """A client that finds each name of `ports` by an SRV record."""
        wanted = {"allow_private_addresses": True, "ca_file": self._authority.file, **settings}
        federation = msgspec.structs.replace(get_config().federation, **wanted)
        records = {
            f"_matrix-fed._tcp.{name}": [SrvRecord(1, 1, port, "box.example")]
            for name, port in (ports or {}).items()
        }
        addresses = Addresses({"box.example": [address]})

        def transport() -> Transport:
            return Transport(
                federation, addresses=addresses, srv=Srv(records), well_known=WellKnown(delegated)
            )

        client = FederationClient(transport, self.backoff)
        self.made.append(client)
        return client


@pytest.fixture
async def clients_of(authority: Authority) -> AsyncIterator[Clients]:
    """Makes clients, and closes their connections afterwards."""
    made = Clients(authority)
    yield made
    for client in made.made:
        await client.close()


@pytest.fixture
def own_loop() -> Iterator[None]:
    """The loop that synchronous callers use ends with the test, and its database connections with it."""
    yield
    loop.stop()
