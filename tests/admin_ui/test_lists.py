"""The lists of the administration: users, tasks and the audit log."""

from __future__ import annotations

import pytest

from matrix_app.services import long_tasks
from matrix_app.services.audit import CLI, record
from tests.factories.browser import Browser
from tests.factories.client import ClientFactory
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


def test_users_are_found_by_parts_of_their_id_and_their_name(
    browser: Browser, clients: ClientFactory
) -> None:
    rosa = clients.make("rosa_l")
    clients.make("karl")
    rosa.put(f"/profile/{rosa.user_id}/displayname", {"displayname": "Röschen 100%"})
    for search in ("ROSA_", "röschen", "0%"):
        shown = browser.get("/admin/users/", q=search)
        assert len(shown.html.css("tbody tr")) == 1, search
        assert rosa.user_id in shown.text
    assert not browser.get("/admin/users/", q="ros_").html.css("tbody tr")


def test_users_are_filtered_and_sorted_and_paged(browser: Browser, clients: ClientFactory) -> None:
    for number in range(120):
        clients.make(f"u{number:03}", guest=number == 7)
    first = browser.get("/admin/users/", sort="-name", kind="active")
    assert "u119" in first.texts("tbody tr")[0]
    second = browser.get("/admin/users/" + first.href("a[rel=next]"))
    third = browser.get("/admin/users/" + second.href("a[rel=next]"))
    boxes = [box for page in (first, second, third) for box in page.html.css("tbody input[name=chosen]")]
    rows = [str(box.attributes["aria-label"]) for box in boxes]
    assert len(rows) == len(set(rows)) == 121
    assert rows == sorted(rows, reverse=True)
    assert not third.html.css("a[rel=next]")
    assert len(browser.get("/admin/users/", kind="guests").html.css("tbody tr")) == 1


def test_a_page_costs_the_same_statements_however_many_users_there_are(
    browser: Browser, clients: ClientFactory
) -> None:
    browser.get("/admin/users/")
    with recorded() as few:
        browser.get("/admin/users/")
    clients.many(60)
    with recorded() as many:
        browser.get("/admin/users/")
    assert len(few) == len(many)


@pytest.mark.parametrize(
    "query", [{"sort": "x"}, {"kind": "x"}, {"after": "[1]"}, {"after": '["a", "b"]'}, {"q": "\0"}]
)
def test_nonsense_in_the_address_does_no_harm(browser: Browser, query: dict[str, str]) -> None:
    assert browser.get("/admin/users/", **query).status == 200


def test_names_are_shown_as_text_and_never_as_markup(browser: Browser, clients: ClientFactory) -> None:
    mallory = clients.make("mallory")
    mallory.put(f"/profile/{mallory.user_id}/displayname", {"displayname": "<script>alert(1)</script>"})
    shown = browser.get("/admin/users/", q="mallory")
    assert "&lt;script&gt;alert(1)" in shown.text
    assert not shown.html.css("script:not([src])")


def test_a_task_is_shown_with_its_progress_and_can_be_cancelled(browser: Browser) -> None:
    nid = long_tasks.start("test.nothing", "Count the stars", {}, CLI)
    assert "Count the stars" in browser.get("/admin/tasks/").text
    shown = browser.post(f"/admin/tasks/{nid}/cancel/", page=f"/admin/tasks/{nid}/")
    assert "ends after" in shown.message
    assert browser.get("/admin/tasks/999999/").status == 404


def test_the_audit_log_is_searched_by_action_and_target(browser: Browser) -> None:
    record(CLI, "user.lock", "@a:hearth.example", reason="spam")
    record(CLI, "room.block", "!r:hearth.example")
    shown = browser.get("/admin/audit/", action="user.lock")
    assert len(shown.html.css("tbody tr")) == 1
    assert "spam" in shown.text
    assert len(browser.get("/admin/audit/", target="!r:hearth.example").html.css("tbody tr")) == 1
