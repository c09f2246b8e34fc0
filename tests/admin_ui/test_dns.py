"""The records of DNS: those that are wanted beside those that were found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from admin_ui.sections.setup import snippets
from matrix_app.storage import check_results, db
from tests.factories.browser import Browser
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/settings/dns/"
FOUR = "203.0.113.7"


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server with two names, on a machine that knows its address."""
    monkeypatch.setattr(
        snippets, "_public_address", lambda family, _towards: FOUR if family.name == "AF_INET" else ""
    )
    with settings(server={"name": "example.org", "public_baseurl": "https://matrix.example.org"}):
        yield


def found(id: str, status: str = "ok", **data: Any) -> None:
    with db.write():
        check_results.put(id, status, f"{id} is {status}", "", "", "", orjson.dumps(data), 1)


def rows(browser: Browser) -> dict[tuple[str, str], tuple[str, str]]:
    """By name and kind: what was found, and how that fits."""
    table = browser.get(PAGE).html.css("tbody tr")
    cells = [[" ".join(cell.text().split()) for cell in row.css("td")] for row in table]
    return {(host, kind): (there, state) for host, kind, _wanted, there, state in cells}


def test_before_the_checks_have_looked_nothing_is_said(browser: Browser) -> None:
    assert rows(browser)["matrix.example.org", "A"] == ("\u2013", "not looked at")
    assert FOUR in browser.get(PAGE).text


def test_each_name_is_compared_with_what_was_found_of_it(browser: Browser) -> None:
    found("names.host", addresses=[FOUR, "2001:db8::1"])
    found("names.server_name", addresses=["198.51.100.1"])
    shown = rows(browser)
    assert shown["matrix.example.org", "A"] == (FOUR, "as wanted")
    assert shown["matrix.example.org", "AAAA"] == ("2001:db8::1", "as wanted")
    assert shown["example.org", "A"] == ("198.51.100.1", "another address")
    assert shown["example.org", "AAAA"] == ("\u2013", "not there, and not needed beside the other")


def test_a_name_without_any_address_is_missing(browser: Browser) -> None:
    found("names.host", "error", addresses=[])
    assert rows(browser)["matrix.example.org", "A"] == ("\u2013", "missing")


def test_the_files_by_which_others_find_the_server_are_there_with_their_state(browser: Browser) -> None:
    found("wellknown.server", "error")
    shown = browser.get(PAGE)
    assert '"m.server": "matrix.example.org:443"' in shown.html.text()
    assert "wellknown.server is error" in shown.text
    assert "does not work" in " ".join(shown.texts("section .badge"))
