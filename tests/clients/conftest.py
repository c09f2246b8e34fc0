"""The servers on which clients live."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.servers import House, Neighbourhood
from tests.real_server import Elsewhere, RealServer, engines, judged_server


@pytest.fixture(scope="module", params=engines())
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealServer | Elsewhere]:
    """One homeserver: Hearth on each database of the run, or the one at HEARTH_TEST_SERVER."""
    with judged_server(tmp_path_factory.mktemp("hearth"), request.param) as running:
        yield running


@pytest.fixture(scope="module")
def neighbourhood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    """Hearth and Synapse, which federate."""
    with Neighbourhood(tmp_path_factory.mktemp("federation")) as made:
        yield made


@pytest.fixture(params=["hearth-synapse", "synapse-hearth"])
def houses(request: pytest.FixtureRequest, neighbourhood: Neighbourhood) -> tuple[House, House]:
    """Where Alice, who opens the room, lives, and where Bob does."""
    alices, _, bobs = request.param.partition("-")
    return neighbourhood.house(alices), neighbourhood.house(bobs)
