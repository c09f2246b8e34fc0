"""Registering with a captcha and a mail address in Debian's Chromium: some 10 seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from tests.clients.stories import needs_chromium
from tests.factories.chromium import Watched, chromium, faults_on_screens, set_screen, signed_in
from tests.factories.http_service import http_service
from tests.factories.mail_server import mail_server
from tests.interop.people import eventually
from tests.real_server import RealServer
from tests.toml_text import Tables

pytestmark = [pytest.mark.slow, needs_chromium]

PASSWORD = "correct horse"
# What the script of the service does: a frame, more scripts, styles of its own, and the solution in a field.
WIDGET = """
const box = document.querySelector(".g-recaptcha");
box.innerHTML = '<div style="width: 304px; height: 78px"><iframe title="reCAPTCHA" width="304" height="78"'
  + ' src="https://www.google.com/recaptcha/api2/anchor"></iframe></div>'
  + '<textarea name="g-recaptcha-response" style="display: none"></textarea>';
const more = document.createElement("script");
more.src = "https://www.gstatic.com/recaptcha/releases/x/recaptcha__en.js";
document.head.append(more);
"""


def as_the_service(route: Route) -> None:
    """Answers for the hosts of the captcha, which no test asks."""
    address = route.request.url
    if "/api.js" in address:
        route.fulfill(content_type="text/javascript", body=WIDGET)
    elif address.endswith(".js"):
        solved = 'document.querySelector("[name=g-recaptcha-response]").value = "solved";'
        route.fulfill(content_type="text/javascript", body=f"{solved} box.dataset.ready = 'yes';")
    else:
        route.fulfill(
            content_type="text/html", body="<!DOCTYPE html><html lang=en><title>I am a person</title>"
        )


def fill_in(page: Page) -> None:
    page.get_by_label("User name").fill("pia")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again", exact=True).fill(PASSWORD)
    page.get_by_label("Mail address").fill("pia@example.org")
    page.locator(".g-recaptcha[data-ready=yes]").wait_for()


def follow(link: str) -> None:
    """Open the link on another device, where nobody is making an account."""
    assert requests.get(link, timeout=30, allow_redirects=False).status_code == 302


def test_somebody_solves_a_captcha_confirms_an_address_and_is_in(tmp_path: Path) -> None:
    with mail_server() as mails, http_service(b'{"success": true}') as captcha, chromium() as browser:
        keys = {"required": True, "public_key": "p", "private_key": "s", "verify_url": captcha.address}
        mine: Tables = {
            "mail": mails.settings,
            "captcha": keys,
            "registration": {"mode": "open", "require_email": True},
            "outgoing": {"allow_private_addresses": True},
        }
        with RealServer(tmp_path, settings=mine, public_host="localhost") as server:
            watched = Watched(signed_in(browser, server.public_base, {}))
            page = watched.page
            page.route("https://www.*/recaptcha/**", as_the_service)
            page.goto("/account/register/")
            fill_in(page)
            assert list(faults_on_screens(page)) == []
            set_screen(page)
            page.get_by_role("button", name="Make my account").click()
            expect(page.get_by_role("heading", name="Confirm your mail address")).to_be_visible()
            assert list(faults_on_screens(page)) == []
            set_screen(page)
            eventually(lambda: mails.mails)
            follow(server.base + mails.last_link())
            page.get_by_role("button", name="Make my account").click()
            expect(page.get_by_text(f"@pia:127.0.0.1:{server.port}").first).to_be_visible()
            assert watched.complaints() == []
            assert b"response=solved" in captcha.asked[0].body
