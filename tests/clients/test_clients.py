"""The libraries that clients are built on, against a real server."""

from __future__ import annotations

import sys

import pytest

from tests.clients.stories import needs_nio, needs_node, tell_js, tell_nio
from tests.real_server import Elsewhere, RealServer

pytestmark = pytest.mark.slow


@needs_nio
def test_two_users_of_matrix_nio_live_together(server: RealServer | Elsewhere) -> None:
    tell_nio("nio_life", server.base)


@needs_node
def test_two_users_of_matrix_js_sdk_live_together(server: RealServer | Elsewhere) -> None:
    tell_js("life.mjs", server.base)


@needs_node
@pytest.mark.parametrize("how", ["sync", "sliding"])
def test_two_users_of_matrix_js_sdk_encrypt_verify_and_change_devices(
    server: RealServer | Elsewhere, how: str
) -> None:
    tell_js("encryption.mjs", server.base, server.base, how)


@needs_nio
def test_two_users_of_matrix_nio_encrypt_and_verify(server: RealServer | Elsewhere) -> None:
    tell_nio("nio_encryption", server.base, server.base)


@needs_nio
@needs_node
def test_users_of_matrix_js_sdk_and_matrix_nio_encrypt_and_verify_each_other(
    server: RealServer | Elsewhere,
) -> None:
    tell_js("with_nio.mjs", server.base, server.base, sys.executable)
