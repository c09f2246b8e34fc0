"""Pairs of servers: one where rooms are made, and one that comes into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.interop.people import Person
from tests.interop.servers import House, Neighbourhood

VERSIONS = ("6", "10", "11", "12")
PAIRS = ("hearth-synapse", "synapse-other", "hearth-other")


class Pair(NamedTuple):
    """The server where rooms are made, the one that joins them, and whatever runs between them."""

    host: House
    guest: House
    neighbourhood: Neighbourhood

    @property
    def has_synapse(self) -> bool:
        """Whether one of the two is Synapse."""
        return "synapse" in (self.host.kind, self.guest.kind)


@pytest.fixture(scope="session")
def neighbourhood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    with Neighbourhood(tmp_path_factory.mktemp("interop")) as made:
        yield made


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest, neighbourhood: Neighbourhood) -> Pair:
    host, _, guest = request.param.partition("-")
    return Pair(neighbourhood.house(host), neighbourhood.house(guest), neighbourhood)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def alice(pair: Pair) -> Person:
    """Lives where rooms are made."""
    return pair.host.person("alice")


@pytest.fixture
def bob(pair: Pair) -> Person:
    """Lives at the other server."""
    return pair.guest.person("bob")
