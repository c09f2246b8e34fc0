"""Who guesses has to wait: passwords, codes of apps, recovery codes, the setup's code, invitations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.config import get_config
from appliance.setup_code import new_setup_code
from matrix_app.services import second_factor
from matrix_app.services.audit import CLI
from matrix_app.services.invitations import create_token
from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.browser import Browser, Shown, code_of
from tests.factories.page_sessions import browser_of
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = "Too many requests"
AREAS = pytest.mark.parametrize("area", ["admin", "account"])


@pytest.fixture(autouse=True)
def _limits() -> Iterator[None]:
    with settings(rate_limits={"enabled": True}):
        yield


@pytest.fixture
def owner() -> Account:
    return make_account("owner", admin=True)


def guess(visitor: Browser, address: str, *, page: str = "", **fields: str) -> Shown:
    """Send wrong forms until the limit is reached; what the next one is answered."""
    for _ in range(get_config().rate_limits.login.burst):
        shown = visitor.post(address, fields, page=page)
        assert WAIT not in told(shown), "too soon"
    return visitor.post(address, fields, page=page)


def told(shown: Shown) -> str:
    return " ".join(shown.texts(".notice.error") + shown.texts(".wrong-text"))


@AREAS
def test_passwords(owner: Account, area: str) -> None:
    visitor = Browser()
    shown = guess(visitor, f"/{area}/sign-in/", name="owner", password="wrong")
    assert WAIT in told(shown)
    # Then not even the right one counts, from wherever it comes.
    assert WAIT in told(Browser().sign_in(owner, area=area))


def test_passwords_of_many_users_from_one_address(owner: Account) -> None:
    visitor = Browser()
    for number in range(get_config().rate_limits.login.burst):
        visitor.post("/account/sign-in/", {"name": f"user{number}", "password": "wrong"})
    shown = visitor.post("/account/sign-in/", {"name": "somebody", "password": "wrong"})
    assert WAIT in told(shown)


@AREAS
def test_the_password_that_confirms(owner: Account, area: str) -> None:
    visitor = browser_of(owner, area)
    assert WAIT in told(guess(visitor, f"/{area}/confirm/", password="wrong"))
    assert WAIT in told(visitor.post(f"/{area}/confirm/", {"password": PASSWORD}))


def test_the_present_password_of_who_changes_it(owner: Account) -> None:
    visitor = browser_of(owner, "account")
    fields = {"present": "wrong", "new": "another long one", "again": "another long one"}
    assert WAIT in told(guess(visitor, "/account/password/", **fields))


@AREAS
@pytest.mark.parametrize("guessed", ["000000", "abcde-fghjk"])
def test_codes_of_apps_and_recovery_codes(owner: Account, area: str, guessed: str) -> None:
    secret = second_factor.begin_totp(owner.user_nid)
    codes = second_factor.confirm_totp(owner.user_nid, code_of(secret), CLI)
    visitor = Browser()
    visitor.sign_in(owner, area=area)
    address = f"/{area}/second-factor/"
    assert WAIT in told(guess(visitor, address, code=guessed))
    assert WAIT in told(visitor.post(address, {"code": codes[0]}))
    other = Browser()  # signing in anew does not help
    other.sign_in(owner, area=area)
    assert WAIT in told(other.post(address, {"code": codes[1]}))


def test_the_code_of_the_setup(db: None) -> None:
    right = new_setup_code()
    visitor = Browser()
    assert WAIT in told(guess(visitor, "/setup/unlock/", code="ABCD-EFGH-JKLM-NPQR"))
    assert WAIT in told(visitor.post("/setup/unlock/", {"code": right}))


def test_invitations(owner: Account) -> None:
    create_token(CLI, token="family", uses_allowed=1, expires_ts=None)
    visitor = Browser()
    for number in range(get_config().rate_limits.registration.burst):
        assert visitor.get(f"/account/join/guess{number}/").status == 404
    assert visitor.get("/account/join/other/").status == 429
    assert visitor.get("/account/join/family/").status == 200


def test_who_is_right_does_not_have_to_wait(owner: Account) -> None:
    for _ in range(2 * get_config().rate_limits.login.burst):
        assert Browser().sign_in(owner).address == "/admin/"
