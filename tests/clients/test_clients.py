"""The libraries that clients are built on, against a real server."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.clients.stories import needs_nio, needs_node, tell_js, tell_nio
from tests.real_server import Elsewhere, RealServer, engines, judged_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=engines())
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealServer | Elsewhere]:
    with judged_server(tmp_path_factory.mktemp("hearth"), request.param) as running:
        yield running


@needs_nio
def test_two_users_of_matrix_nio_live_together(server: RealServer | Elsewhere) -> None:
    tell_nio("nio_life", server.base)


@needs_node
def test_two_users_of_matrix_js_sdk_live_together(server: RealServer | Elsewhere) -> None:
    tell_js("life.mjs", server.base)


@needs_node
def test_what_two_users_of_matrix_js_sdk_encrypt_only_their_devices_read(
    server: RealServer | Elsewhere,
) -> None:
    tell_js("encryption.mjs", server.base, server.base)


@needs_nio
def test_what_two_users_of_matrix_nio_encrypt_only_their_devices_read(server: RealServer | Elsewhere) -> None:
    tell_nio("nio_encryption", server.base, server.base)


@needs_nio
@needs_node
def test_users_of_matrix_js_sdk_and_matrix_nio_verify_each_other(server: RealServer | Elsewhere) -> None:
    tell_js("with_nio.mjs", server.base, server.base, sys.executable)
