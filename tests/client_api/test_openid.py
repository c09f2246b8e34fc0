"""OpenID tokens."""

from __future__ import annotations

import pytest

from matrix_app.storage import db
from tests.factories.accounts import make_account, token_for
from tests.factories.visitor import get, post

pytestmark = pytest.mark.django_db(transaction=True)
USER_INFO = "/_matrix/federation/v1/openid/userinfo"


def test_a_token_says_whose_it_is_and_opens_nothing() -> None:
    alice = make_account("alice")
    made = post(f"/user/{alice.user_id}/openid/request_token", token=token_for(alice)).body
    assert (made["token_type"], made["matrix_server_name"]) == ("Bearer", "hearth.example")
    assert made["expires_in"] == 3600
    assert get(f"{USER_INFO}?access_token={made['access_token']}").body == {"sub": alice.user_id}
    assert get("/account/whoami", token=made["access_token"]).errcode == "M_UNKNOWN_TOKEN"


def test_wrong_old_and_missing_tokens_are_refused() -> None:
    alice = make_account("alice")
    made = post(f"/user/{alice.user_id}/openid/request_token", token=token_for(alice)).body
    db.execute("UPDATE one_time_token SET expires_ts = 1")
    assert get(f"{USER_INFO}?access_token={made['access_token']}").errcode == "M_UNKNOWN_TOKEN"
    assert get(f"{USER_INFO}?access_token=nonsense").status == 401
    assert get(USER_INFO).errcode == "M_MISSING_TOKEN"


def test_nobody_gets_a_token_of_somebody_else() -> None:
    alice, bob = make_account("alice"), make_account("bob")
    answer = post(f"/user/{bob.user_id}/openid/request_token", token=token_for(alice))
    assert answer.errcode == "M_FORBIDDEN"
