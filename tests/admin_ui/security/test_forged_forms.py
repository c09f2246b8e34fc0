"""Forms count only when they come from a page of this server, in the browser that has it open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from matrix_app.services import setup
from matrix_app.storage import audit
from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account
from tests.factories.browser import Browser
from tests.factories.page_sessions import browser_of_admin
from tests.factories.page_views import PageView, page_views

pytestmark = pytest.mark.django_db(transaction=True)

HERE = "https://testserver"


@pytest.fixture
def owner() -> Account:
    return make_account("owner", admin=True)


@pytest.fixture
def visitor(owner: Account) -> Iterator[Browser]:
    """The browser of an administrator, over https, who may do everything; nothing may come of it."""
    browser = browser_of_admin(owner)
    for area in ("admin", "account"):
        browser.client.cookies[f"__Host-hearth_{area}"] = browser.client.cookies[f"hearth_{area}"].value
    before = audit.page(before=None, limit=1)
    yield browser
    assert audit.page(before=None, limit=1) == before


def sent(visitor: Browser, view: PageView, **headers: str) -> Any:
    return visitor.client.post(view.path(), headers={"Referer": f"{HERE}/", **headers}, secure=True)


def token_of(visitor: Browser) -> str:
    visitor.client.get("/account/sign-in/", secure=True)
    return visitor.token("/account/sign-in/")


def refused_by_all(visitor: Browser, **headers: str) -> None:
    for view in page_views():
        answer = sent(visitor, view, **headers)
        assert answer.status_code == 403, f"{view} takes a form: {answer.status_code}"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


def test_forms_without_a_token_are_refused(visitor: Browser) -> None:
    token_of(visitor)
    refused_by_all(visitor)


def test_forms_with_a_made_up_token_are_refused(visitor: Browser) -> None:
    token_of(visitor)
    refused_by_all(visitor, **{"X-CSRFToken": "a" * 64})


def test_the_token_of_another_browser_is_worth_nothing(visitor: Browser) -> None:
    token_of(visitor)
    refused_by_all(visitor, **{"X-CSRFToken": token_of(Browser())})


def test_a_token_without_its_cookie_is_worth_nothing(visitor: Browser) -> None:
    token = token_of(visitor)
    visitor.client.cookies.pop("hearth_csrf")
    refused_by_all(visitor, **{"X-CSRFToken": token})


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://testserver", "https://testserver:8448", "null"]
)
def test_forms_of_other_origins_are_refused_whatever_they_know(visitor: Browser, origin: str) -> None:
    refused_by_all(visitor, **{"X-CSRFToken": token_of(visitor), "Origin": origin})


@pytest.mark.parametrize("referer", ["", "https://evil.example/", "http://testserver/"])
def test_without_an_origin_the_referer_tells(visitor: Browser, referer: str) -> None:
    refused_by_all(visitor, **{"X-CSRFToken": token_of(visitor), "Referer": referer})


def test_the_right_token_from_here_is_taken(owner: Account) -> None:
    """Or else the tests above could not fail."""
    browser = browser_of_admin(owner)
    browser.client.cookies["__Host-hearth_admin"] = browser.client.cookies["hearth_admin"].value
    view = next(view for view in page_views() if str(view) == "admin:checks-run")
    answer = sent(browser, view, **{"X-CSRFToken": token_of(browser), "Origin": HERE})
    assert answer.status_code == 303
    assert audit.page(before=None, limit=1)[0].action == "checks.run"


def test_the_token_is_kept_from_scripts_and_other_sites() -> None:
    browser = Browser()
    browser.client.get("/account/sign-in/", secure=True)
    cookie = browser.client.cookies["hearth_csrf"]
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Strict"


def test_the_setup_takes_no_forged_forms_either(db: None) -> None:
    assert setup.is_open()
    visitor = Browser()
    for view in page_views():
        if view.area == "setup":
            assert sent(visitor, view).status_code == 403
