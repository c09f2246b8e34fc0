"""The pictures in the list of users in Debian's Chromium: some 10 seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect

from tests.admin_ui.deeds.hand import Hand
from tests.clients.stories import needs_chromium
from tests.factories.chromium import chromium, faults_on_screens
from tests.factories.media import picture
from tests.faults.database import Database
from tests.interop.people import PASSWORD, register
from tests.real_server import RealServer

pytestmark = [pytest.mark.slow, needs_chromium]

LOADED = "image => image.complete && image.naturalWidth === 96"


def test_pictures_come_to_the_list_of_users(tmp_path: Path) -> None:
    with RealServer(tmp_path, public_host="localhost") as server, chromium() as browser:
        owner, person = register(server.base, "owner"), register(server.base, "pia")
        nid = f"(SELECT nid FROM matrix_user WHERE user_id = '{owner.user_id}')"
        Database(server.database_url).run(f"UPDATE account SET is_admin = 1 WHERE user_nid = {nid}")
        hand = Hand(browser.new_context(reduced_motion="reduce"), server.public_base)
        hand.sign_in("account", person.user_id, PASSWORD)
        hand.open("/account/profile/")
        file = FilePayload(name="me.png", mimeType="image/png", buffer=picture(300, 300))
        hand.page.get_by_label("Another picture").set_input_files(file)
        hand.press("Change the picture")
        hand.sign_in("admin", owner.user_id, PASSWORD)
        hand.open("/admin/users/")
        image = hand.page.locator("td .picture img")
        expect(image).to_have_count(1)
        image.scroll_into_view_if_needed()
        hand.page.wait_for_function(f"() => ({LOADED})(document.querySelector('td .picture img'))")
        expect(hand.page.locator("td .picture").filter(has_text="O").first).to_be_visible()
        assert list(faults_on_screens(hand.page)) == []
        assert hand.complaints == []
