"""What administrators do with accounts, seen through the client API."""

from __future__ import annotations

import pytest

from matrix_app.services import long_tasks, second_factor
from matrix_app.services.audit import CLI
from matrix_app.storage import accounts, audit, db, web_sessions
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD, log_in, make_account, token_for
from tests.factories.browser import Browser, Shown, code_of
from tests.factories.client import Client, ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> Account:
    return make_account("owner", admin=True)


@pytest.fixture
def browser(owner: Account) -> Browser:
    visitor = Browser()
    visitor.sign_in(owner)
    return visitor


def act(browser: Browser, account: Account, action: str, **fields: str) -> Shown:
    page = f"/admin/users/{account.user_nid}/"
    return browser.post(f"{page}{action}/", fields, page=page)


def actions_on(user_id: str) -> list[str]:
    return [entry.action for entry in audit.page(before=None, limit=20, target=user_id)]


def test_a_new_account_can_sign_in_with_the_password_that_is_shown_once(browser: Browser) -> None:
    shown = browser.post("/admin/users/new/", {"name": "@Nora", "display_name": "Nora N."})
    password = shown.texts("dd code")[1]
    identifier = {"type": "m.id.user", "user": "nora"}
    account = accounts.find("@nora:hearth.example")
    assert account is not None
    from tests.factories.visitor import post

    reply = post("/login", {"type": "m.login.password", "identifier": identifier, "password": password})
    assert reply.status == 200
    assert "user.create" in actions_on(account.user_id)


@pytest.mark.parametrize(("name", "password"), [("owner", ""), ("a b", ""), ("kurt", "short")])
def test_an_account_that_cannot_be_made_is_explained(browser: Browser, name: str, password: str) -> None:
    shown = browser.post("/admin/users/new/", {"name": name, "password": password})
    assert shown.texts(".notice.error")


def test_a_locked_account_is_told_so_and_can_be_opened_again(browser: Browser) -> None:
    account = make_account()
    act(browser, account, "lock")
    assert log_in(account).body["errcode"] == "M_USER_LOCKED"
    act(browser, account, "lock")
    assert log_in(account).status == 200
    assert actions_on(account.user_id)[:2] == ["user.unlock", "user.lock"]


def test_a_suspended_account_can_only_read(browser: Browser, clients: ClientFactory) -> None:
    client = clients.make()
    room_id = client.create_room()
    account = accounts.get(client.requester.user_nid)
    assert account is not None
    act(browser, account, "suspend")
    assert client.send(room_id).errcode == "M_USER_SUSPENDED"


def test_a_new_password_signs_the_user_out(browser: Browser) -> None:
    account = make_account()
    token_for(account)
    address = f"/admin/users/{account.user_nid}/password/"
    browser.post(address, {"password": "quite another sentence", "sign_out": "on"})
    assert log_in(account).status == 403
    assert not db.value("SELECT count(*) FROM access_token WHERE user_nid = %s", (account.user_nid,))


def test_a_user_becomes_administrator_and_loses_the_pages_with_it(browser: Browser) -> None:
    account = make_account()
    act(browser, account, "admin")
    other = Browser()
    assert other.sign_in(account).address == "/admin/"
    act(browser, account, "admin")
    assert other.get("/admin/").address == "/admin/sign-in/"


def test_nobody_takes_the_administration_from_themselves(browser: Browser, owner: Account) -> None:
    shown = act(browser, owner, "admin")
    assert "own account" in shown.message
    assert browser.get("/admin/").status == 200


def test_devices_are_signed_out_one_by_one_and_all_at_once(browser: Browser) -> None:
    account = make_account()
    token_for(account, "PHONE")
    token_for(account, "LAPTOP")
    act(browser, account, "remove-devices", chosen="PHONE")
    shown = browser.get(f"/admin/users/{account.user_nid}/devices/")
    assert "LAPTOP" in shown.text
    assert "PHONE" not in shown.text
    act(browser, account, "sign-out")
    assert "LAPTOP" not in browser.get(f"/admin/users/{account.user_nid}/devices/").text


def test_a_lost_second_factor_is_removed(browser: Browser) -> None:
    account = make_account(admin=True)
    secret = second_factor.begin_totp(account.user_nid)
    second_factor.confirm_totp(account.user_nid, code_of(secret), CLI)
    act(browser, account, "reset-second-factor")
    assert Browser().sign_in(account).address == "/admin/"


def test_deactivating_asks_for_the_password_again_when_that_was_long_ago(
    browser: Browser, owner: Account
) -> None:
    account = make_account()
    with db.write():
        web_sessions.confirm(web_sessions.of_user(owner.user_nid)[0].nid, 1)
    assert act(browser, account, "deactivate").address == "/admin/confirm/"
    browser.post("/admin/confirm/", {"password": PASSWORD})
    assert "nothing has been done" in act(browser, account, "deactivate", erase="on").message
    act(browser, account, "deactivate", erase="on", typed_name=account.user_id)
    found = accounts.get(account.user_nid)
    assert found is not None
    assert found.erased
    assert "user.deactivate" in actions_on(account.user_id)


def test_chosen_accounts_are_deactivated_together(browser: Browser, owner: Account) -> None:
    first, second = make_account(), make_account()
    nids = [str(account.user_nid) for account in (first, second, owner)]
    address = "/admin/users/chosen/deactivate/"
    asked = browser.post(address, {"chosen": nids}, page="/admin/users/")
    assert "can never sign in again" in asked.text
    assert log_in(first).status == 200
    fields = {"chosen": nids, "go": "1"}
    assert "nothing has been done" in browser.post(address, fields, page="/admin/users/").message
    shown = browser.post(address, {**fields, "typed_name": "3"}, page="/admin/users/")
    assert owner.user_id in shown.message  # one's own account is refused
    assert log_in(first).status == log_in(second).status == 403
    assert "user.deactivate" in actions_on(first.user_id)
    assert "user.deactivate" not in actions_on(owner.user_id)


def message_count(client: Client, room_id: str) -> int:
    found = client.get(f"/rooms/{room_id}/messages?dir=b&limit=50").body["chunk"]
    return sum(1 for event in found if event["type"] == "m.room.message" and event["content"])


def test_all_messages_of_a_user_are_redacted(browser: Browser, clients: ClientFactory) -> None:
    reader, mallory = clients.many(2)
    room_id = reader.create_room(preset="public_chat")
    mallory.change(room_id, "join")
    for text in ("one", "two", "three"):
        mallory.send(room_id, text)
    reader.send(room_id, "mine")
    account = accounts.get(mallory.requester.user_nid)
    assert account is not None
    act(browser, account, "redact", reason="spam")
    (task,) = stored_tasks.page(before=None, limit=1)
    long_tasks.run(task.nid)
    finished = stored_tasks.find(task.nid)
    assert finished is not None
    assert (finished.state, finished.result["redacted"]) == ("done", 3)
    assert message_count(reader, room_id) == 1


def test_an_account_shows_its_rooms_and_what_was_done_to_it(browser: Browser, clients: ClientFactory) -> None:
    client = clients.make()
    client.create_room(name="Kitchen")
    nid = client.requester.user_nid
    assert "Kitchen" in browser.get(f"/admin/users/{nid}/rooms/").text
    assert browser.get("/admin/users/424242/").status == 404
