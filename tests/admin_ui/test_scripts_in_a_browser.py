"""What the script of the pages does beyond forms and links, in Debian's Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.clients.stories import needs_chromium
from tests.factories.chromium import chromium, signed_in
from tests.filled.server import FilledServer, filled_server

pytestmark = [pytest.mark.slow, needs_chromium]

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FilledServer]:
    """A server with one of everything."""
    with filled_server(tmp_path_factory.mktemp("one"), "one") as running:
        yield running


@pytest.fixture(scope="module")
def page(server: FilledServer) -> Iterator[Page]:
    """The owner's browser."""
    with chromium() as browser:
        context = signed_in(browser, server.base, server.filled.tokens)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context.new_page()


def open_page(page: Page, path: str, size: dict[str, int] = DESK) -> None:
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    page.goto(path)


def test_the_menu_lies_over_the_page_on_a_phone_and_goes_by_escape_or_a_touch(page: Page) -> None:
    open_page(page, "/admin/users/", PHONE)
    entry, opener = page.get_by_role("link", name="Invitations"), page.locator("details.menu > summary")
    expect(entry).to_be_hidden()
    opener.click()
    expect(entry).to_be_visible()
    page.keyboard.press("Escape")
    expect(entry).to_be_hidden()
    opener.click()
    page.mouse.click(350, 400)
    expect(entry).to_be_hidden()


def test_the_menu_stays_beside_the_page_on_a_desk(page: Page) -> None:
    open_page(page, "/admin/users/")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Invitations")).to_be_visible()


def test_what_is_done_with_rows_is_shown_while_some_are_chosen(page: Page) -> None:
    open_page(page, "/admin/users/")
    deed = page.get_by_role("button", name="Send a notice")
    expect(deed).to_be_hidden()
    page.get_by_label("Choose all rows of this page").check()
    expect(deed).to_be_visible()
    chosen = page.locator("tbody input[name=chosen]:checked").count()
    assert chosen >= 1
    expect(page.locator("[data-chosen-count]")).to_have_text(str(chosen))
    page.get_by_label("Choose all rows of this page").uncheck()
    expect(deed).to_be_hidden()


def test_a_password_is_shown_on_request(page: Page) -> None:
    open_page(page, "/account/password/", PHONE)
    field = page.get_by_label("New password", exact=True)
    button = page.locator(".field", has=field).get_by_role("button", name="Show what is typed")
    field.fill("as typed")
    expect(field).to_have_attribute("type", "password")
    button.click()
    expect(field).to_have_attribute("type", "text")
    button.click()
    expect(field).to_have_attribute("type", "password")


def test_copying_says_that_it_is_done(page: Page) -> None:
    open_page(page, "/account/")
    button = page.locator("main [data-copy]").first
    button.click()
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == button.get_attribute("data-copy")


def top(of: Locator) -> float:
    return float(of.evaluate("one => one.getBoundingClientRect().top"))


def test_the_headings_of_a_long_list_stay_while_it_scrolls_in_its_frame(page: Page) -> None:
    open_page(page, "/admin/settings/effective/")
    frame = page.locator(".table-frame")
    assert frame.evaluate("one => one.scrollHeight > 2 * one.clientHeight")
    frame.evaluate("one => one.scrollTo(0, one.scrollHeight)")
    assert top(frame.locator("tbody tr").first) < top(frame)
    assert abs(top(frame.locator("thead th").first) - top(frame)) < 2


def test_on_a_phone_a_long_list_is_sorted_and_chosen_from_wherever_one_is(page: Page) -> None:
    open_page(page, "/admin/users/", {"width": 360, "height": 320})
    frame = page.locator(".table-frame")
    frame.locator("tbody").evaluate(
        "one => { for (let n = 0; n < 5; n++) one.append(one.rows[0].cloneNode(true)); }"
    )
    frame.evaluate("one => one.scrollTo(0, one.scrollHeight)")
    link = frame.locator("thead a").first
    assert 0 <= top(link) - top(frame) < 44
    assert frame.evaluate("one => one.scrollWidth === one.clientWidth")
    link.scroll_into_view_if_needed()
    expect(frame.get_by_label("Choose all rows of this page")).to_be_in_viewport()
    with page.expect_navigation():
        link.click()
    assert "sort=" in page.url


def test_a_form_that_is_open_in_two_tabs_says_so_in_both(page: Page) -> None:
    open_page(page, "/admin/settings/media/")
    expect(page.locator("#other-tab")).to_have_count(0)
    other = page.context.new_page()
    other.goto("/admin/settings/mail/")
    expect(page.locator("#other-tab")).to_have_count(0)
    other.goto("/admin/settings/media/")
    for tab in (page, other):
        expect(tab.locator("#other-tab")).to_have_text(
            "This form is open in another tab too: what is saved last holds."
        )
    other.close()
