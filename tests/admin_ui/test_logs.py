"""Log lines on their page."""

from __future__ import annotations

import orjson
import pytest

from appliance.config import Config
from tests.factories.accounts import make_account
from tests.factories.browser import Browser

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(config: Config) -> Browser:
    visitor = Browser()
    visitor.sign_in(make_account("owner", admin=True))
    folder = config.server.data_dir / "logs"
    folder.mkdir(exist_ok=True)
    written = [
        {"event": "joined <b>", "level": "info", "logger": "matrix_app.rooms", "room": "!r:x"},
        {"event": "slow", "level": "warning", "logger": "matrix_app.federation"},
        {"event": "broken", "level": "error", "logger": "matrix_app.http", "exception": "Traceback"},
    ]
    (folder / "recent.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in written))
    return visitor


def test_lines_are_shown_the_latest_first_as_text(browser: Browser) -> None:
    shown = browser.get("/admin/logs/")
    assert shown.texts(".log li b") == ["broken", "slow", "joined <b>"]
    assert "Traceback" in shown.text


def test_lines_are_filtered_by_level_part_and_text(browser: Browser) -> None:
    assert browser.get("/admin/logs/", level="warning").texts(".log li b") == ["broken", "slow"]
    assert browser.get("/admin/logs/", logger="federation").texts(".log li b") == ["slow"]
    assert browser.get("/admin/logs/", q="!R:X").texts(".log li b") == ["joined <b>"]
    assert browser.get("/admin/logs/", q="nowhere").html.css(".empty")


def test_lines_are_downloaded_the_oldest_first(browser: Browser) -> None:
    answer = browser.client.get("/admin/logs/download/")
    assert orjson.loads(answer.content.splitlines()[0])["event"] == "joined <b>"
    assert "attachment" in answer["Content-Disposition"]
