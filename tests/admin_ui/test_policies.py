"""Policy lists on their pages."""

from __future__ import annotations

import pytest

from matrix_app.services import long_tasks
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage import policy_lists
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)
LISTS = "/admin/policies/"
EVIL = "@evil:bad.example"


@pytest.fixture
def keeper(clients: ClientFactory) -> Client:
    return clients.make("keeper")


def made(keeper: Client, *entities: str) -> str:
    room_id = keeper.create_room(preset="public_chat", room_alias_name="policies", name="Bad people")
    for entity in entities:
        body = {"entity": entity, "recommendation": "m.ban", "reason": "<i>spam</i>"}
        keeper.set_state(room_id, "m.policy.rule.user", body, f"rule:{entity}")
    return room_id


def page_of_first() -> str:
    return f"{LISTS}{policy_lists.everything()[0].nid}/"


def test_a_list_is_followed_looked_at_applied_and_left(browser: Browser, keeper: Client) -> None:
    made(keeper, EVIL)
    assert "No list is followed" in browser.get(LISTS).text
    shown = browser.post(f"{LISTS}subscribe/", {"room": "#policies:hearth.example"})
    page = page_of_first()
    assert shown.address == page
    assert "Bad people" in shown.text
    assert shown.texts("main .badge")[0] == "not applied"
    task = browser.post(f"{page}look/", page=page)
    assert task.address.startswith("/admin/tasks/")
    for waiting in stored_tasks.unfinished():
        long_tasks.run(waiting.nid)
    assert "means nobody and nothing" in browser.get(f"{page}matches/").text
    shown = browser.post(f"{page}configure/", {"enabled": "on", "users": "on"}, page=page)
    assert "The list is applied" in shown.message
    answer = keeper.change(keeper.create_room(), "invite", user_id=EVIL)
    assert answer.status == 403
    row = policy_lists.everything()[0]
    assert (row.enabled, row.block_users, row.block_servers, row.refused) == (True, True, False, 1)
    browser.post(f"{page}unsubscribe/", page=page)
    assert browser.get(page).status == 404


def test_a_list_that_cannot_be_joined_says_why(browser: Browser, keeper: Client) -> None:
    secret = keeper.create_room()
    assert browser.post(f"{LISTS}subscribe/", {"room": secret}).texts(".wrong-text")
    assert browser.post(f"{LISTS}subscribe/", {"room": "policies"}).texts(".wrong-text")


def test_rules_are_listed_searched_and_paged(browser: Browser, keeper: Client) -> None:
    made(keeper, *(f"@spam{number:03}:bad.example" for number in range(60)))
    browser.post(f"{LISTS}subscribe/", {"room": "#policies:hearth.example"})
    page = f"{page_of_first()}rules/"
    first = browser.get(page)
    assert len(first.html.css("tbody tr")) == 50
    assert "&lt;i&gt;spam" in first.text
    second = browser.get(page + first.href("a[rel=next]"))
    assert second.texts("tbody code") == [f"@spam{number:03}:bad.example" for number in range(50, 60)]
    assert browser.get(page, q="SPAM007").texts("tbody code") == ["@spam007:bad.example"]
    assert "Take back" not in first.text


def test_the_own_list_is_written_on_its_page(browser: Browser, keeper: Client) -> None:
    rules = browser.post(f"{LISTS}own/", {"public": "on"}, page=LISTS).address
    fields = {"kind": "server", "entity": "bad.example", "reason": "spam"}
    shown = browser.post(f"{rules}add/", fields, page=rules)
    assert "in effect" in shown.message
    assert keeper.change(keeper.create_room(), "invite", user_id=EVIL).status == 403
    said = browser.get(LISTS, entity=EVIL)
    assert "bad.example" in said.texts("main ul li")[0]
    wrong = browser.post(f"{rules}add/", {**fields, "entity": "*"}, page=rules)
    assert "all of its users" in wrong.message
    number = str(shown.html.css("button[name=rule]")[0].attributes["value"])
    assert "taken back" in browser.post(f"{rules}remove/", {"rule": number}, page=rules).message
    assert keeper.change(keeper.create_room(), "invite", user_id="@x:y.example").errcode != "M_FORBIDDEN"
    assert "No list says anything" in browser.get(LISTS, entity=EVIL).text


def test_more_rules_cost_no_more_statements(browser: Browser, keeper: Client) -> None:
    room_id = made(keeper, EVIL)
    browser.post(f"{LISTS}subscribe/", {"room": room_id})
    pages = (LISTS, page_of_first(), f"{page_of_first()}rules/")

    def statements() -> list[int]:
        counts = []
        for page in pages:
            browser.get(page)
            with recorded() as found:
                browser.get(page)
            counts.append(len(found))
        return counts

    few = statements()
    for number in range(40):
        body = {"entity": f"@s{number}:x", "recommendation": "m.ban", "reason": ""}
        keeper.set_state(room_id, "m.policy.rule.user", body, f"{number}")
    assert statements() == few
