"""Signing in on a device, and going on with it, while it goes away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection

from matrix_app.protocol.errors import UnknownToken
from matrix_app.services.create_session import Session, create_session
from matrix_app.services.delete_devices import delete_devices
from matrix_app.services.refresh_tokens import refresh
from matrix_app.storage import db, devices
from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account
from tests.factories.visitor import get

pytestmark = pytest.mark.django_db(transaction=True)


def begin(account: Account) -> Session:
    """Sign in on the device ONE."""
    return create_session(account.user_id, account.user_nid, device_id="ONE", refreshable=True)


def while_it_is_deleted(account: Account, work: Callable[[], None]) -> None:
    """Do something in another thread, from before the device's deletion is committed until after that."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with db.write():
        delete_devices(account.user_nid, ["ONE"])
        thread.start()
        # Until it waits for the device, or for the one writer of SQLite.
        time.sleep(0.3)
    thread.join(10)


def test_who_signs_in_on_a_device_that_is_just_being_deleted_gets_a_new_one() -> None:
    account = make_account()
    old, begun = begin(account), list[Session]()
    while_it_is_deleted(account, lambda: begun.append(begin(account)))
    (new,) = begun
    assert new.device_nid != old.device_nid
    assert devices.by_nid(new.device_nid) is not None
    assert get("/account/whoami", token=new.access_token).body["device_id"] == "ONE"


def test_no_tokens_outlive_a_device_that_is_deleted_while_they_are_renewed() -> None:
    account = make_account()
    token, refused = str(begin(account).refresh_token), list[UnknownToken]()

    def renew() -> None:
        with pytest.raises(UnknownToken) as raised:
            refresh(token)
        refused.append(raised.value)

    while_it_is_deleted(account, renew)
    assert len(refused) == 1
    for table in ("access_token", "refresh_token"):
        assert db.value(f"SELECT count(*) FROM {table}") == 0
