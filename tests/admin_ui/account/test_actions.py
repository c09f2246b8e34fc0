"""Where links of clients lead that manage accounts, and what is done there."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from matrix_app.storage import audit, cross_signing, db
from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import CrossSigning, Device

pytestmark = pytest.mark.django_db(transaction=True)
UPLOAD = "/keys/device_signing/upload"


@pytest.mark.parametrize(
    ("action", "path"),
    [
        ("org.matrix.profile", "/account/profile/"),
        ("org.matrix.devices_list", "/account/"),
        ("org.matrix.sessions_list", "/account/"),
        ("org.matrix.device_view", "/account/device/"),
        ("org.matrix.session_view", "/account/device/"),
        ("org.matrix.device_delete", "/account/device/delete/"),
        ("org.matrix.session_end", "/account/device/delete/"),
        ("org.matrix.account_deactivate", "/account/deactivate/"),
        ("org.matrix.cross_signing_reset", "/account/encryption/"),
        ("org.example.unknown", "/account/"),
        ("", "/account/"),
    ],
)
def test_an_action_leads_to_its_page(browser: Browser, phone: Client, action: str, path: str) -> None:
    assert phone.requester.device_id is not None
    shown = browser.get("/account/", action=action, device_id=phone.requester.device_id)
    assert (shown.status, shown.address) == (200, path)


def test_an_action_is_gone_on_with_after_signing_in(person: Account, phone: Client) -> None:
    visitor = Browser()
    link = f"/account/?action=org.matrix.device_view&device_id={phone.requester.device_id}"
    asked = visitor.client.get(link, follow=True)
    assert asked.request["PATH_INFO"] == "/account/sign-in/"
    address = f"/account/sign-in/?next={quote(link, safe='')}"
    shown = visitor.post(
        address, {"name": person.user_id, "password": PASSWORD, "next": link}, page="/account/sign-in/"
    )
    assert shown.address == "/account/device/"
    assert str(phone.requester.device_id) in shown.text


def test_a_device_action_without_a_device_shows_all(browser: Browser) -> None:
    assert browser.get("/account/", action="org.matrix.device_view").address == "/account/"


def test_the_device_of_somebody_else_is_not_shown(browser: Browser, clients: ClientFactory) -> None:
    other = clients.make("otto")
    shown = browser.get("/account/device/", device_id=str(other.requester.device_id))
    assert shown.status == 404


def test_a_device_is_renamed(browser: Browser, person: Account, phone: Client) -> None:
    page = f"/account/device/?device_id={phone.requester.device_id}"
    fields = {"device_id": str(phone.requester.device_id), "name": "Kitchen"}
    assert "another name" in browser.post("/account/device/rename/", fields, page=page).message
    assert phone.get(f"/devices/{phone.requester.device_id}").body["display_name"] == "Kitchen"
    assert audit.page(before=None, limit=1)[0].action == "account.rename_device"


def test_a_device_is_signed_out_once_that_was_confirmed(browser: Browser, phone: Client) -> None:
    page = f"/account/device/delete/?device_id={phone.requester.device_id}"
    shown = browser.get(page)
    assert "Keys of encrypted messages" in shown.text
    assert phone.get("/account/whoami").status == 200
    browser.post("/account/device/delete/", {"device_id": str(phone.requester.device_id)}, page=page)
    assert phone.get("/account/whoami").status == 401


def test_a_device_says_whether_it_is_verified(browser: Browser, phone: Client) -> None:
    page = f"/account/device/?device_id={phone.requester.device_id}"
    assert "has no keys" in browser.get(page).text
    device, keys = Device(phone), CrossSigning(phone)
    device.upload()
    keys.upload()
    assert "not verified" in browser.get(page).text
    signed = keys.self_signing.sign(device.keys)
    phone.post("/keys/signatures/upload", {phone.user_id: {device.key.id: signed}})
    assert "verified by you" in browser.get(page).text


def test_a_reset_lets_the_client_replace_its_keys_once(browser: Browser, phone: Client) -> None:
    CrossSigning(phone).upload()
    assert phone.post(UPLOAD, CrossSigning(phone).body).status == 401
    assert "ten minutes" in browser.post("/account/encryption/").message
    other = CrossSigning(phone)
    assert phone.post(UPLOAD, other.body).body == {}
    assert cross_signing.reset_until(phone.requester.user_nid) is None
    assert phone.post(UPLOAD, CrossSigning(phone).body).status == 401
    assert "user.allow_cross_signing_reset" in [row.action for row in audit.page(before=None, limit=3)]


def test_a_reset_is_for_its_user_and_ten_minutes_only(
    browser: Browser, phone: Client, clients: ClientFactory
) -> None:
    other = clients.sign_in(make_account("otto"))
    for client in (phone, other):
        CrossSigning(client).upload()
    browser.post("/account/encryption/")
    assert other.post(UPLOAD, CrossSigning(other).body).status == 401
    with db.write():
        db.execute("UPDATE cross_signing_reset SET until_ts = 1")
    assert phone.post(UPLOAD, CrossSigning(phone).body).status == 401
