"""The setup in Debian's Chromium, on a phone's screen, up to two people who talk: about 30 seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from tests.admin_ui.test_setup_of_a_server import nameless
from tests.clients.stories import CHROMIUM, needs_chromium, needs_node, tell_js
from tests.factories.chromium import is_of_waiting
from tests.factories.mail_server import mail_server
from tests.factories.phone import Phone
from tests.real_server import RealServer

pytestmark = [pytest.mark.slow, needs_chromium, needs_node]

NAME = "wizard.example"
PASSWORD = "a long enough sentence"
# The server listens on IPv4: while it starts anew, a refusal by ::1 must not be taken for its own.
ARGUMENTS = ["--no-sandbox", "--host-resolver-rules=MAP localhost 127.0.0.1"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    with nameless(RealServer(tmp_path)) as running:
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """What scripts have complained of."""
    return []


@pytest.fixture
def page(complaints: list[str]) -> Iterator[Page]:
    """A page of 360 pixels, that fails the test at its end when a script has complained."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        shown = browser.new_page(viewport={"width": 360, "height": 740})
        shown.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        shown.on("pageerror", lambda fault: complaints.append(str(fault)))
        yield shown
        browser.close()
    assert complaints == []


def judge(page: Page) -> None:
    """Nothing keeps people out, and nothing is wider than the screen."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, f"{page.url} is too wide"


def press(page: Page, text: str) -> None:
    """Every button leads to another page: the next step begins when that one is there whole."""
    judge(page)
    page.evaluate("document.documentElement.dataset.pressed = 'yes'")
    page.get_by_role("button", name=text, exact=True).click()
    page.wait_for_selector("html:not([data-pressed])", timeout=60_000)
    page.wait_for_load_state()


def leave_the_checks(page: Page) -> None:
    """What they find depends on the machine: errors have to be confirmed."""
    if page.get_by_role("button", name="Next").count():
        press(page, "Next")
        return
    page.locator("summary", has_text="Go on all the same").click()
    page.locator("input[name=typed_name]").fill(NAME)
    press(page, "Go on all the same")


def test_a_phone_sets_a_server_up_on_which_two_people_talk(
    server: RealServer, page: Page, complaints: list[str]
) -> None:
    found = re.search(r"setup page +(\S+)", server.log_end())
    assert found is not None
    base = f"http://localhost:{server.port}"  # passkeys need a name
    page.goto(found[1].replace("127.0.0.1", "localhost"))
    phone = Phone(page)
    assert "#" not in page.url  # the code stays neither in the address nor in the history
    press(page, "Begin")
    press(page, "Set up a new server")
    page.get_by_label("Name of the server").fill("Wizard.Example")
    assert page.locator(".preview code").inner_text() == f"@you:{NAME}"
    page.get_by_label("Address for clients").fill(base)
    press(page, "Next")
    press(page, "Yes, take these names")
    page.wait_for_url("**/setup/connectivity/", timeout=60_000)
    complaints[:] = [line for line in complaints if not is_of_waiting(line)]
    press(page, "Look now")
    page.get_by_role("button", name="Look again").wait_for(timeout=120_000)
    page.wait_for_selector("#checks:not([hx-get])", timeout=120_000)
    page.wait_for_load_state()
    leave_the_checks(page)
    page.get_by_label("User name").fill("rosa")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    press(page, "Make my account")
    page.get_by_label("Name of the passkey").fill("My phone")
    press(page, "Add a passkey")
    assert page.locator(".codes li").count() == 10
    assert phone.credentials()[0]["rpId"] == "localhost"
    press(page, "I have kept them")
    for _step in ("registration", "calls"):
        press(page, "Next")
    send_a_test_mail(page)
    for _step in ("mail", "backup"):
        press(page, "Next")
    assert f"@rosa:{NAME}" in page.locator("main").inner_text()
    invitation = page.locator("code", has_text="/account/join/").inner_text()
    press(page, "Finish, and go to the administration")
    page.wait_for_url("**/admin/sign-in/**")
    press(page, "Sign in with a passkey")
    page.wait_for_url("**/admin/")
    accept(page, invitation, "emil")
    tell_js("first_words.mjs", server.base, "rosa", PASSWORD, "emil", PASSWORD)


def send_a_test_mail(page: Page) -> None:
    """The mail server is one of the test's own."""
    with mail_server() as mails:
        for name, value in mails.settings.items():
            field = page.locator(f"[name=mail-{name}]")
            if name == "security":
                field.select_option(str(value))
            else:
                field.fill(str(value))
        press(page, "Store and stay, to try it")
        page.get_by_label("Send a mail to").fill("rosa@wizard.example")
        press(page, "Send it")
        assert "has taken the mail to rosa@wizard.example" in page.locator("#messages").inner_text()
        assert [mail["To"] for mail in mails.mails] == ["rosa@wizard.example"]
        assert mails.text_of_last()


def accept(page: Page, invitation: str, name: str) -> None:
    """Make an account by the link of an invitation."""
    page.goto(invitation)
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    press(page, "Make my account")
    assert f"@{name}:{NAME}" in page.locator("main").inner_text()
