"""Clients on Hearth and on a real Synapse encrypt for each other, verify each other, and change devices."""

from __future__ import annotations

import sys

import pytest

from tests.clients.stories import needs_nio, needs_node, tell_js, tell_nio
from tests.interop.servers import House

pytestmark = pytest.mark.slow


@needs_node
def test_users_of_matrix_js_sdk_encrypt_verify_and_change_devices(houses: tuple[House, House]) -> None:
    alices, bobs = houses
    tell_js("encryption.mjs", alices.base, bobs.base, "sync")


@needs_node
def test_a_user_who_syncs_by_sliding_sync_does_so_too(houses: tuple[House, House]) -> None:
    alices, bobs = houses
    tell_js("encryption.mjs", alices.base, bobs.base, "sliding")


@needs_nio
def test_users_of_matrix_nio_encrypt_and_verify(houses: tuple[House, House]) -> None:
    alices, bobs = houses
    tell_nio("nio_encryption", alices.base, bobs.base)


@needs_nio
@needs_node
def test_users_of_matrix_js_sdk_and_matrix_nio_encrypt_and_verify_each_other(
    houses: tuple[House, House],
) -> None:
    alices, bobs = houses
    tell_js("with_nio.mjs", alices.base, bobs.base, sys.executable)
