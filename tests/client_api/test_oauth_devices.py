"""The device authorisation grant (RFC 8628)."""

from __future__ import annotations

import pytest

from appliance.config.sections.limits import RateLimit
from matrix_app.http import rate_limit
from matrix_app.protocol.errors import LimitExceeded, NotFound
from matrix_app.services.audit import Actor
from matrix_app.services.oauth.device_grants import decide, look_up
from matrix_app.storage import db
from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account
from tests.factories.oauth import PREFIX, OAuthApp, scope_of
from tests.factories.settings import settings
from tests.factories.visitor import Reply, ask, get

pytestmark = pytest.mark.django_db(transaction=True)
IP = "192.0.2.7"


@pytest.fixture
def person() -> Account:
    return make_account("pia")


def error(reply: Reply) -> str:
    assert reply.status == 400
    told: str = reply.body["error"]
    return told


def patiently() -> None:
    """As if the client had waited since it asked last."""
    with db.write():
        db.execute("UPDATE oauth_device_grant SET asked_ts = 0")


def answer(person: Account, user_code: str, *, allowed: bool) -> None:
    decide(Actor(person.user_nid, "page"), person, look_up(user_code, person, IP), allowed=allowed)


def test_a_device_signs_in_once_its_user_has_allowed_it(person: Account) -> None:
    app = OAuthApp("TELLY")
    begun = app.begin_device_grant()
    assert begun["verification_uri_complete"] == f"{begun['verification_uri']}?user_code={begun['user_code']}"
    assert error(app.poll(begun["device_code"])) == "authorization_pending"
    answer(person, begun["user_code"].lower().replace("-", " "), allowed=True)
    tokens = app.poll(begun["device_code"]).body
    assert tokens["scope"] == scope_of("TELLY")
    assert get("/account/whoami", token=tokens["access_token"]).body["device_id"] == "TELLY"
    assert app.refresh(tokens["refresh_token"]).status == 200
    assert error(app.poll(begun["device_code"])) == "invalid_grant"


def test_a_user_may_refuse(person: Account) -> None:
    app = OAuthApp()
    begun = app.begin_device_grant()
    answer(person, begun["user_code"], allowed=False)
    assert error(app.poll(begun["device_code"])) == "access_denied"
    assert error(app.poll(begun["device_code"])) == "invalid_grant"


def test_who_asks_too_often_is_slowed_down(person: Account) -> None:
    app = OAuthApp()
    begun = app.begin_device_grant()
    assert [error(app.poll(begun["device_code"])) for _ in range(3)] == [
        "authorization_pending",
        "slow_down",
        "slow_down",
    ]
    assert db.value("SELECT wait_seconds FROM oauth_device_grant") == begun["interval"] + 10
    patiently()
    assert error(app.poll(begun["device_code"])) == "authorization_pending"


def test_codes_end(person: Account) -> None:
    app = OAuthApp()
    begun = app.begin_device_grant()
    with db.write():
        db.execute("UPDATE oauth_device_grant SET expires_ts = 1")
    assert error(app.poll(begun["device_code"])) == "expired_token"
    with pytest.raises(NotFound):
        look_up(begun["user_code"], person, IP)


def test_a_user_code_is_decided_about_once(person: Account) -> None:
    app = OAuthApp()
    begun = app.begin_device_grant()
    waiting = look_up(begun["user_code"], person, IP)
    decide(Actor(person.user_nid, "page"), person, waiting, allowed=False)
    with pytest.raises(NotFound):
        decide(Actor(person.user_nid, "page"), make_account(), waiting, allowed=True)
    assert error(app.poll(begun["device_code"])) == "access_denied"


def test_a_device_code_is_for_its_client_alone(person: Account) -> None:
    app, other = OAuthApp(), OAuthApp(client_name="Magpie")
    begun = app.begin_device_grant()
    answer(person, begun["user_code"], allowed=True)
    assert error(other.poll(begun["device_code"])) == "invalid_grant"
    assert error(app.poll(begun["user_code"])) == "invalid_grant"
    assert app.poll(begun["device_code"]).status == 200


def test_who_guesses_user_codes_has_to_wait(person: Account) -> None:
    code = OAuthApp().begin_device_grant()["user_code"]
    few = {"enabled": True, "login": RateLimit(per_second=0.001, burst=3)}
    with settings(rate_limits=few):
        rate_limit.reset()
        for _ in range(5):
            look_up(code, person, IP)  # the right one costs nothing
        for _ in range(3):
            with pytest.raises(NotFound):
                look_up("BBBB-BBBB", person, IP)
        for account, ip in ((person, "192.0.2.8"), (make_account(), IP)):
            with pytest.raises(LimitExceeded):
                look_up(code, account, ip)


def test_clients_ask_for_what_they_have_registered_for() -> None:
    app = OAuthApp(grant_types=["authorization_code", "refresh_token"])
    form = {"client_id": app.client_id, "scope": scope_of("TELLY")}
    assert error(ask("POST", f"{PREFIX}/device", form=form)) == "unauthorized_client"
    able = OAuthApp()
    assert error(
        ask("POST", f"{PREFIX}/device", form={**form, "client_id": able.client_id, "scope": "x"})
    ) == ("invalid_scope")
