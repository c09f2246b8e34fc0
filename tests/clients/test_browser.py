"""matrix-js-sdk in a page of Debian's Chromium, from another origin than the homeserver's."""

from __future__ import annotations

import pytest

from tests.clients.stories import needs_chromium, needs_node, tell_js
from tests.interop.servers import House
from tests.real_server import Elsewhere, RealServer

pytestmark = [pytest.mark.slow, needs_node, needs_chromium]


def test_two_profiles_exchange_encrypted_messages_and_pictures(server: RealServer | Elsewhere) -> None:
    tell_js("browser.mjs", server.base, server.base)


def test_two_profiles_do_so_across_federation(houses: tuple[House, House]) -> None:
    alices, bobs = houses
    tell_js("browser.mjs", alices.base, bobs.base)


def test_a_profile_signs_in_by_the_pages_of_the_server(server: RealServer | Elsewhere) -> None:
    tell_js("oauth.mjs", server.base)
