"""Who is asked for newer releases, how often, and what is believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from appliance.diagnostics.checks.configuration import release
from appliance.diagnostics.result import Status
from matrix_app.services.newer_release import Release, ask_for_release, newer_release, release_of
from matrix_app.storage import db, newest_release
from matrix_app.storage.clock import now_ms
from tests.factories.accounts import make_account
from tests.factories.browser import Browser
from tests.factories.http_service import HttpService, http_service
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def service() -> Iterator[HttpService]:
    """Somebody who tells of releases, and is asked."""
    with http_service(b"") as found, settings(updates={"url": f"{found.address}/newest"}):
        yield found


def a_day_later() -> None:
    with db.write():
        db.execute("UPDATE newest_release SET asked_ts = %s", (now_ms() - 25 * 3_600_000,))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"version": "1.2", "url": "https://a.example/1.2"}, Release("1.2", "https://a.example/1.2")),
        ({"tag_name": "v1.2.3", "html_url": "https://a.example"}, Release("1.2.3", "https://a.example")),
        ({"version": "1.2", "url": "javascript:alert(1)"}, Release("1.2", "")),
        ({"version": "1.2", "url": "https://" + "a" * 500}, Release("1.2", "")),
        ({"version": "1.2.0-rc1"}, None),
        ({"version": 1.2}, None),
        ({"version": "9" * 400}, None),
        ({}, None),
    ],
)
def test_an_answer_names_a_release_or_is_passed_over(
    answer: dict[str, Any], expected: Release | None
) -> None:
    assert release_of(answer) == expected


def test_nobody_is_asked_where_nobody_is_set() -> None:
    ask_for_release()
    assert newest_release.get() is None
    assert release().status is Status.SKIPPED


def test_a_newer_release_is_asked_for_once_a_day_and_told_of_on_the_dashboard(service: HttpService) -> None:
    service.answer = orjson.dumps({"version": "999.1", "url": "https://hearth.example/news"})
    browser = Browser()
    browser.sign_in(make_account("owner", admin=True))
    assert "has been released" not in browser.get("/admin/").text
    ask_for_release()
    ask_for_release()
    assert [asked.path for asked in service.asked] == ["/newest"]
    assert service.asked[0].body == b""
    shown = browser.get("/admin/")
    assert "Hearth 999.1 has been released" in shown.text
    assert 'href="https://hearth.example/news"' in shown.text
    assert release().status is Status.INFO
    a_day_later()
    ask_for_release()
    assert len(service.asked) == 2
    with settings(updates={"url": ""}):
        assert newer_release() is None


def test_the_same_or_an_older_release_is_none_to_tell_of(service: HttpService) -> None:
    for version in ("0.0.1", "0.1.0", "0.1"):
        service.answer = orjson.dumps({"version": version})
        ask_for_release()
        assert newer_release() is None
        assert release().status is Status.OK
        a_day_later()


def test_what_was_heard_before_outlives_a_failure(service: HttpService) -> None:
    service.answer = orjson.dumps({"version": "999.1"})
    ask_for_release()
    a_day_later()
    service.answer = b"[]"
    ask_for_release()
    assert newer_release() == Release("999.1", "")
    with db.write():
        newest_release.put("0.0.1", "", 0)
    with settings(updates={"url": "https://127.0.0.1:1/"}):
        ask_for_release()
    assert release().status is Status.WARN
