"""Bridges on the pages."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile

from matrix_app.services import appservice_admin
from matrix_app.storage import audit
from tests.factories.bridges import registration, write_registration
from tests.factories.browser import Browser
from tests.factories.settings import settings
from tests.factories.statements import recorded
from tests.factories.visitor import get

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bridge_is_added_by_its_text_or_file_paused_and_removed(browser: Browser) -> None:
    text = yaml.safe_dump(registration("late", "late token"))
    shown = browser.post("/admin/bridges/new/", {"text": text})
    assert "has been added" in shown.message
    assert shown.address == "/admin/bridges/late/"
    assert "@_late_.*" in shown.text
    again = SimpleUploadedFile("late.yaml", yaml.safe_dump(registration("late", "other token")).encode())
    assert "has been added" in browser.post("/admin/bridges/new/", {"file": again}).message
    assert get("/account/whoami", token="other token").status == 200
    page = "/admin/bridges/late/"
    browser.post(f"{page}pause/", page=page)
    assert appservice_admin.states()[0].is_paused
    assert "paused" in browser.get("/admin/bridges/").text
    browser.post(f"{page}pause/", page=page)
    assert not appservice_admin.states()[0].is_paused
    assert "Type late" in browser.post(f"{page}remove/", page=page).message
    browser.post(f"{page}remove/", {"typed_name": "late"}, page=page)
    assert appservice_admin.states() == []
    done = [entry.action for entry in audit.page(before=None, limit=5, target="late")]
    assert done == ["bridge.remove", "bridge.resume", "bridge.pause", "bridge.add", "bridge.add"]


def test_what_is_no_registration_is_refused_with_its_fault(browser: Browser) -> None:
    for fields, fault in (
        ({"text": "id: [", "file": ""}, "no YAML"),
        ({"text": "id: x"}, "namespaces is missing"),
        ({"text": ""}, "Paste the registration"),
        ({"file": SimpleUploadedFile("x.yaml", b"\xff\xfe\x00")}, "no text"),
    ):
        assert fault in browser.post("/admin/bridges/new/", fields).text
    assert appservice_admin.states() == []


def test_the_registration_is_downloaded_and_its_tokens_are_renewed(browser: Browser) -> None:
    appservice_admin.add(yaml.safe_dump(registration("late", "late token")))
    page = "/admin/bridges/late/"
    got = browser.get(f"{page}download/")
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert yaml.safe_load(got.text) == registration("late", "late token")
    shown = browser.post(f"{page}rotate/", page=page)
    (text,) = (found.text() for found in shown.html.css("pre"))
    renewed = yaml.safe_load(text)
    assert renewed["as_token"] != "late token"
    assert get("/account/whoami", token="late token").errcode == "M_UNKNOWN_TOKEN"
    assert get("/account/whoami", token=renewed["as_token"]).status == 200
    assert audit.page(before=None, limit=1)[0].action == "bridge.rotate_tokens"


def test_a_bridge_of_a_file_is_shown_locked(browser: Browser, tmp_path: Path) -> None:
    file = write_registration(tmp_path)
    with settings(app_services={"registration_files": (file,)}):
        assert "from a file" in browser.get("/admin/bridges/").text
        shown = browser.get("/admin/bridges/bridge/")
        assert "Remove" not in shown.text
        assert browser.get("/admin/bridges/bridge/download/").status == 404
        refused = browser.post(
            "/admin/bridges/bridge/remove/", {"typed_name": "bridge"}, page="/admin/bridges/bridge/"
        )
        assert "No service with this ID was added" in refused.text
        assert browser.get("/admin/bridges/").texts("tbody td a") == ["bridge"]


def test_a_bridge_that_does_not_answer_says_so(browser: Browser) -> None:
    appservice_admin.add(yaml.safe_dump(registration("late", "late token", url="http://127.0.0.1:1")))
    page = "/admin/bridges/late/"
    shown = browser.post(f"{page}ping/", page=page)
    assert "answered after" not in shown.text
    assert shown.texts(".notice.error")


def test_many_bridges_cost_no_more_statements_than_few(browser: Browser) -> None:
    appservice_admin.add(yaml.safe_dump(registration("b0", "t0")))
    with recorded() as few:
        browser.get("/admin/bridges/")
    for number in range(1, 6):
        appservice_admin.add(yaml.safe_dump(registration(f"b{number}", f"t{number}")))
    with recorded() as many:
        browser.get("/admin/bridges/")
    assert len(many) == len(few)
