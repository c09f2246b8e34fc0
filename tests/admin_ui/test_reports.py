"""Reports of users on the pages of administrators."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from matrix_app.storage import audit, reports
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told(clients: ClientFactory) -> tuple[Client, str, str]:
    """Somebody who reported the third of five messages."""
    victim, mallory = clients.many(2)
    room_id = victim.create_room(preset="public_chat")
    mallory.change(room_id, "join")
    sent = [mallory.send(room_id, f"<i>word {number}</i>").body["event_id"] for number in range(5)]
    path = f"/rooms/{quote(room_id)}/report/{quote(sent[2])}"
    assert victim.post(path, {"reason": "<script>rude</script>"}).status == 200
    return victim, room_id, sent[2]


def only_report() -> int:
    (report,) = reports.page(handled=False, before=None, limit=5)
    return report.nid


def test_a_report_is_shown_with_what_was_said_around_it(
    browser: Browser, told: tuple[Client, str, str]
) -> None:
    shown = browser.get("/admin/reports/")
    assert "&lt;script&gt;rude" in shown.text
    shown = browser.get(f"/admin/reports/{only_report()}/")
    assert "&lt;i&gt;word 2" in " ".join(shown.text.split())
    assert "word 0" in shown.text
    assert "word 4" in shown.text
    assert "word 2" in shown.texts(".reported")[0]


def test_the_reported_message_is_redacted_and_the_report_is_done_with(
    browser: Browser, told: tuple[Client, str, str]
) -> None:
    victim, room_id, event_id = told
    page = f"/admin/reports/{only_report()}/"
    browser.post(f"{page}redact/", {"reason": "rude"}, page=page)
    found = victim.get(f"/rooms/{quote(room_id)}/event/{quote(event_id)}").body
    assert found["content"] == {}
    browser.post(f"{page}handle/", page=page)
    assert reports.count_open() == 0
    assert browser.get("/admin/reports/", kind="handled").html.css("tbody tr")
    browser.post(f"{page}handle/", page=page)
    assert reports.count_open() == 1
    assert {"event.redact", "report.handle"} <= {row.action for row in audit.page(before=None, limit=9)}


def test_reports_of_users_and_rooms_are_shown_and_removed(browser: Browser, clients: ClientFactory) -> None:
    reporter, other = clients.many(2)
    room_id = reporter.create_room()
    assert reporter.post(f"/users/{quote(other.user_id)}/report", {"reason": "spam"}).status == 200
    assert reporter.post(f"/rooms/{quote(room_id)}/report", {"reason": "bad"}).status == 200
    shown = browser.get("/admin/reports/")
    assert other.user_id in shown.text
    assert room_id in shown.text
    for report in reports.page(handled=False, before=None, limit=5):
        page = f"/admin/reports/{report.nid}/"
        browser.post(f"{page}delete/", page=page)
    assert browser.get("/admin/reports/").html.css(".empty")
