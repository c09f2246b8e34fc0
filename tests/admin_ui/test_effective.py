"""The whole configuration on a page, a new start, and the records of DNS as a file."""

from __future__ import annotations

import pytest

from appliance.config import get_config
from appliance.config.effective import HIDDEN, entries_of
from appliance.machine import process_began_ts
from matrix_app.storage import audit
from matrix_app.storage.clock import now_ms
from tests.factories.browser import Browser
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/settings/effective/"


def test_every_key_is_shown_and_no_secret(browser: Browser) -> None:
    secrets = {
        "mail": {"host": "mail.example.org", "password": "hush-mail"},
        "turn": {"secret": "hush-turn"},
        "metrics": {"token": "hush-token"},
        "redis": {"url": "redis://name:hush-redis@redis.example.org:6379/0"},
        "alerts": {"webhook": "https://hooks.example.org/services/hush-webhook?key=hush-key"},
    }
    with settings(**secrets):
        found = {entry.name: entry.value for entry in entries_of(get_config())}
        text = browser.get(PAGE).text
    assert found["mail.host"] == "mail.example.org"
    assert found["mail.password"] == found["turn.secret"] == found["metrics.token"] == HIDDEN
    assert found["redis.url"] == f"redis://redis.example.org:6379/{HIDDEN}"
    assert found["alerts.webhook"] == f"https://hooks.example.org/{HIDDEN}"
    assert "mail.example.org" in text
    assert "hush" not in text
    assert len(found) > 100


def test_a_server_that_nobody_supervises_is_not_started_anew(browser: Browser) -> None:
    shown = browser.get(PAGE)
    assert "Start all processes anew" not in shown.text
    assert "restart the service" in browser.post(f"{PAGE}restart/", page="/admin/users/new/").text
    assert audit.page(before=None, limit=1)[0].action == "server.restart"


def test_the_page_of_a_new_start_waits_for_a_process_that_began_after_it(browser: Browser) -> None:
    address = f"{PAGE}restarting/"
    shown = browser.get(address, since=str(now_ms() + 60_000))
    assert shown.html.css("noscript meta[http-equiv=refresh]")
    assert str(shown.html.css("#state[hx-get]")[0].attributes["hx-get"]).startswith(f"{address}?since=")
    assert "unusually long" not in shown.text
    began = process_began_ts()
    assert began is not None
    assert "have started anew" in browser.get(address, since=str(began)).message
    headers = {"HX-Request": "true"}
    asked = browser.client.get(address, {"since": str(began)}, headers=headers)
    assert (asked.status_code, asked.headers["HX-Redirect"]) == (204, PAGE)
    assert browser.get(address).address == PAGE


def test_the_records_of_dns_are_a_part_of_a_zone_file(browser: Browser) -> None:
    got = browser.get(f"{PAGE}zone/")
    assert "attachment" in got.headers["Content-Disposition"]
    lines = got.text.splitlines()
    assert any("hearth.example." in line for line in lines)
    assert all(line.startswith("; ") for line in lines if "<" in line)
