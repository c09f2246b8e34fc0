"""Replacing cross-signing keys from a device that signed in by the OAuth 2.0 API ("OAuth authentication")."""

from __future__ import annotations

import pytest

from matrix_app.services.audit import Actor
from matrix_app.services.cross_signing_reset import allow_reset
from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account, password_stage
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import CrossSigning
from tests.factories.oauth import OAuthApp
from tests.factories.visitor import get

pytestmark = pytest.mark.django_db(transaction=True)

UPLOAD = "/keys/device_signing/upload"


@pytest.fixture
def person() -> Account:
    return make_account("pia")


@pytest.fixture
def phone(person: Account, clients: ClientFactory) -> Client:
    """A device that signed in by the OAuth 2.0 API, and has uploaded its first keys."""
    tokens = OAuthApp("PHONE").sign_in(person)
    made = clients.sign_in(person)
    phone = Client(made.requester, tokens["access_token"])
    CrossSigning(phone).upload()
    return phone


def approve(person: Account) -> None:
    allow_reset(Actor(person.user_nid, "page"), person)


def test_other_keys_are_approved_on_the_page_of_the_account(person: Account, phone: Client) -> None:
    new = CrossSigning(phone)
    refused = phone.post(UPLOAD, new.body)
    assert refused.status == 401
    assert {"stages": ["m.oauth"]} in refused.body["flows"]
    url = refused.body["params"]["m.oauth"]["url"]
    assert url.endswith("/account/?action=org.matrix.cross_signing_reset")
    auth = {"session": refused.body["session"]}
    for body in ({"auth": auth}, {**new.body, "auth": auth}):
        assert phone.post(UPLOAD, body).status == 401
    approve(person)
    assert phone.post(UPLOAD, {"auth": auth}).body == {}
    assert phone.post(UPLOAD, CrossSigning(phone).body).status == 401  # it was for once


def test_the_whole_request_may_come_again(person: Account, phone: Client) -> None:
    new = CrossSigning(phone)
    session = phone.post(UPLOAD, new.body).body["session"]
    approve(person)
    assert phone.post(UPLOAD, {**new.body, "auth": {"session": session}}).body == {}


def test_apps_that_do_not_know_the_stage_are_sent_to_the_page_of_the_account(phone: Client) -> None:
    refused = phone.post(UPLOAD, CrossSigning(phone).body).body
    for stage in ("m.oauth", "org.matrix.cross_signing_reset"):
        page = get(f"/auth/{stage}/fallback/web?session={refused['session']}")
        assert (page.status, page.headers["Location"]) == (302, refused["params"]["m.oauth"]["url"])


def test_neither_the_password_nor_another_session_stands_in_for_it(
    person: Account, phone: Client, clients: ClientFactory
) -> None:
    refused = phone.post(UPLOAD, CrossSigning(phone).body)
    auth = password_stage(person, session=refused.body["session"])
    assert phone.post(UPLOAD, {"auth": auth}).status == 401
    made_up = {"type": "m.oauth", "session": refused.body["session"]}
    assert phone.post(UPLOAD, {"auth": made_up}).status == 401
    legacy = clients.sign_in(person)
    asked = legacy.post(UPLOAD, CrossSigning(legacy).body)
    assert asked.body["flows"] == [{"stages": ["m.login.password"]}]
    assert legacy.post(UPLOAD, {"auth": {"type": "m.oauth", "session": asked.body["session"]}}).status == 401
