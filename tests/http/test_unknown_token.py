"""What a token is answered with that nobody has."""

from __future__ import annotations

import pytest

from matrix_app.storage import accounts
from tests.factories.accounts import make_account
from tests.factories.visitor import get

pytestmark = pytest.mark.django_db(transaction=True)


def test_nobody_is_signed_out_by_a_server_without_accounts_which_may_be_restored() -> None:
    answer = get("/account/whoami", token="one of the server that was here before")
    assert (answer.status, answer.errcode) == (503, "M_UNKNOWN")
    assert accounts.any_user_id() is None
    make_account("owner")
    answer = get("/account/whoami", token="one of the server that was here before")
    assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")
