"""Passkeys in Debian's Chromium, whose virtual authenticator is a phone with a fingerprint: 10 seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from tests.clients.stories import CHROMIUM, needs_chromium
from tests.factories.commands import register
from tests.real_server import RealServer

pytestmark = [pytest.mark.slow, needs_chromium]

PASSWORD = "correct horse"
PHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer(tmp_path_factory.mktemp("server"), public_host="localhost") as running:
        register(running.base, "pia")
        register(running.base, "nora")
        yield running


@pytest.fixture
def page() -> Iterator[Page]:
    """A page that fails the test at its end when a script has complained."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        shown = browser.new_page()
        shown.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        shown.on("pageerror", lambda fault: complaints.append(str(fault)))
        yield shown
        browser.close()
    assert complaints == []


class Phone:
    """What keeps the passkeys of the browser of a page."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        added = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": PHONE})
        self._id: str = added["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        found = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(found["credentials"])

    def does_not_know_its_user(self) -> None:
        wrong = {"authenticatorId": self._id, "isUserVerified": False}
        self._session.send("WebAuthn.setUserVerified", wrong)


def press(page: Page, text: str) -> None:
    page.get_by_role("button", name=text, exact=True).click()


def judge(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def give_password(page: Page, server: RealServer, name: str = "pia") -> None:
    page.goto(f"{server.public_base}/account/sign-in/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")


def add_a_passkey(page: Page, server: RealServer) -> None:
    page.goto(f"{server.public_base}/account/second-factors/")
    judge(page)
    page.get_by_label("Name of the passkey").fill("My phone")
    press(page, "Add a passkey")
    expect(page.locator(".codes code")).to_have_count(10)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator(".passkeys b")).to_have_text("My phone")
    judge(page)


def test_a_passkey_is_added_used_in_every_way_and_removed(server: RealServer, page: Page) -> None:
    phone = Phone(page)
    give_password(page, server)
    page.wait_for_url("**/account/")
    add_a_passkey(page, server)
    credential = phone.credentials()[0]
    assert (credential["rpId"], credential["isResidentCredential"]) == ("localhost", True)

    press(page, "Sign out")
    judge(page)
    press(page, "Sign in with a passkey")
    page.wait_for_url("**/account/")

    press(page, "Sign out")
    give_password(page, server)
    page.wait_for_url("**/account/second-factor/**")
    judge(page)
    page.get_by_role("button", name="Use a passkey").press("Enter")
    page.wait_for_url("**/account/")

    page.goto(f"{server.public_base}/account/confirm/?next=/account/password/")
    judge(page)
    press(page, "Confirm with a passkey")
    page.wait_for_url("**/account/password/")

    page.goto(f"{server.public_base}/account/second-factors/")
    page.get_by_label("Name of the passkey").fill("Again")
    press(page, "Add a passkey")
    expect(page.get_by_role("alert")).to_have_text("This passkey is known here already.")
    press(page, "Remove My phone")
    expect(page.locator("#messages")).to_have_text("The passkey has been removed.")
    press(page, "Sign out")
    give_password(page, server)
    page.wait_for_url("**/account/")


def test_who_is_not_known_by_the_phone_is_told_so(server: RealServer, page: Page) -> None:
    phone = Phone(page)
    give_password(page, server, "nora")
    page.wait_for_url("**/account/")
    add_a_passkey(page, server)
    press(page, "Sign out")
    phone.does_not_know_its_user()
    press(page, "Sign in with a passkey")
    expect(page.get_by_role("alert")).to_have_text("No passkey was used.")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_focused()


def test_at_another_name_passkeys_are_not_offered(server: RealServer, page: Page) -> None:
    page.goto(f"{server.base}/account/sign-in/")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
