"""matrix-rust-sdk, the core of Element X, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.stories import needs_rust, tell_rust
from tests.real_server import Elsewhere, RealServer, engines, judged_server

pytestmark = [pytest.mark.slow, needs_rust]

CHAPTERS = (
    "signing_in",
    "list",
    "talk",
    "threads",
    "rooms",
    "spaces",
    "encryption",
    "trust",
    "settings",
    "places",
)
# The library names no address of a machine as a way into a room.
NAMED = {"server": {"name": "hearth.example"}}


@pytest.fixture(scope="module", params=engines())
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealServer | Elsewhere]:
    """One homeserver with a name, on each database of the run; or the one at HEARTH_TEST_SERVER."""
    with judged_server(tmp_path_factory.mktemp("hearth"), request.param, NAMED) as running:
        yield running


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_users_of_matrix_rust_sdk_live_together(
    server: RealServer | Elsewhere, tmp_path: Path, chapter: str
) -> None:
    tell_rust(server.base, str(tmp_path), chapter)
