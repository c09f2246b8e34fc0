"""What the script of passkeys says in Debian's Chromium, where they do not simply work: 10 seconds.

That they do, in every way there is, is among the deeds of `test_every_action_in_a_browser.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from tests.clients.stories import CHROMIUM, needs_chromium
from tests.factories.commands import register
from tests.factories.phone import Phone
from tests.real_server import RealServer

pytestmark = [pytest.mark.slow, needs_chromium]

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer(tmp_path_factory.mktemp("server"), public_host="localhost") as running:
        register(running.base, "pia")
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


def press(page: Page, text: str) -> None:
    page.get_by_role("button", name=text, exact=True).click()


def judge(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def give_password(page: Page, server: RealServer) -> None:
    page.goto(f"{server.public_base}/account/sign-in/")
    page.get_by_label("User name").fill("pia")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")


def add_a_passkey(page: Page, name: str) -> None:
    page.get_by_label("Name of the passkey").fill(name)
    press(page, "Add a passkey")


def test_what_does_not_work_is_told_and_the_keyboard_stays_where_it_was(
    server: RealServer, page: Page
) -> None:
    phone = Phone(page)
    give_password(page, server)
    page.wait_for_url("**/account/")
    page.goto(f"{server.public_base}/account/second-factors/")
    add_a_passkey(page, "My phone")
    page.get_by_role("link", name="I have kept them").click()
    add_a_passkey(page, "Again")
    expect(page.get_by_role("alert")).to_have_text("This passkey is known here already.")
    judge(page)
    credential = phone.credentials()[0]
    assert (credential["rpId"], credential["isResidentCredential"]) == ("localhost", True)
    press(page, "Sign out")
    phone.does_not_know_its_user()
    button = page.get_by_role("button", name="Sign in with a passkey")
    button.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("No passkey was used.")
    expect(button).to_be_focused()
    judge(page)
    give_password(page, server)
    page.get_by_role("button", name="Use a passkey").wait_for()
    judge(page)
    browser = page.context.browser
    assert browser is not None
    see_it_without_scripts(browser.new_context(java_script_enabled=False).new_page(), server)


def see_it_without_scripts(page: Page, server: RealServer) -> None:
    """The recovery codes do."""
    give_password(page, server)
    page.wait_for_url("**/account/second-factor/**")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    expect(page.get_by_text("they need JavaScript")).to_be_visible()
    expect(page.get_by_label("Code")).to_be_visible()


def test_at_another_name_passkeys_are_not_offered(server: RealServer, page: Page) -> None:
    page.goto(f"{server.base}/account/sign-in/")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
