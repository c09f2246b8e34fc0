"""From where and with what users connected: how long that is known, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps

from matrix_app import tasks
from matrix_app.services import connection_history, last_seen
from matrix_app.services.audit import CLI
from matrix_app.services.change_settings import change_settings
from matrix_app.services.connection_history import DAY_MS
from matrix_app.services.web_sign_in import ACCOUNT, ADMIN, find_session, open_session, sign_out
from matrix_app.storage import audit, db
from matrix_app.storage import connection_history as stored
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from tests.factories.accounts import make_account, token_for
from tests.factories.browser import Browser
from tests.factories.client import ClientFactory
from tests.factories.settings import settings
from tests.factories.visitor import get

pytestmark = pytest.mark.django_db(transaction=True)

IP = "192.0.2.1"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


@pytest.fixture(autouse=True)
def nothing_gathered() -> Iterator[None]:
    last_seen.flush()
    yield
    last_seen.flush()


def keep(days: int) -> Any:
    return settings(retention={"connection_history_days": days})


def device_of(account: Account) -> Any:
    sql = "SELECT last_seen_ip, last_seen_user_agent, last_seen_ts IS NULL FROM device WHERE user_nid = %s"
    return db.row(sql, (account.user_nid,))


def session_of(account: Account) -> Any:
    return db.row("SELECT ip, user_agent FROM web_session WHERE user_nid = %s", (account.user_nid,))


def seen(account: Account, days_ago: float) -> None:
    """Let somebody have a device and a browser that were used last so long ago."""
    used = now_ms() - int(days_ago * DAY_MS)
    token = token_for(account, "PHONE")
    get("/account/whoami", token=token)
    open_session(ACCOUNT, account, IP, AGENT)
    last_seen.flush()
    with db.write():
        for column, value in (("ts", used), ("ip", IP), ("user_agent", AGENT)):
            sql = f"UPDATE device SET last_seen_{column} = %s WHERE user_nid = %s"
            db.execute(sql, (value, account.user_nid))
        db.execute("UPDATE web_session SET last_used_ts = %s WHERE user_nid = %s", (used, account.user_nid))


def test_what_is_older_than_the_setting_says_is_forgotten_and_the_time_stays() -> None:
    old, new = make_account(), make_account()
    seen(old, 28.1)
    seen(new, 27.9)
    tasks.forget_connections()
    assert (device_of(old), session_of(old)) == ((None, None, False), ("", ""))
    assert (device_of(new), session_of(new)) == ((IP, AGENT, False), (IP, AGENT))


def test_the_setting_is_in_effect_without_a_new_start() -> None:
    account = make_account()
    seen(account, 3)
    tasks.forget_connections()
    assert device_of(account) == (IP, AGENT, False)
    change_settings(CLI, {"retention.connection_history_days": 2})
    tasks.forget_connections()
    assert (device_of(account), session_of(account)) == ((None, None, False), ("", ""))


def test_nothing_is_forgotten_twice_and_many_are_forgotten_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = [make_account() for _ in range(5)]
    for number, account in enumerate(accounts):
        seen(account, 1 if number == 2 else 30)
    monkeypatch.setattr(connection_history, "BATCH", 2)
    assert connection_history.forget_old() == 8
    assert [device_of(account)[0] for account in accounts] == [None, None, IP, None, None]
    assert connection_history.forget_old() == 0


def test_who_was_seen_meanwhile_is_not_forgotten() -> None:
    account = make_account()
    seen(account, 1)
    nid = db.value("SELECT nid FROM device WHERE user_nid = %s", (account.user_nid,))
    with db.write():
        assert stored.forget("device", [nid], now_ms() - 2 * DAY_MS) == 0
    assert device_of(account) == (IP, AGENT, False)


def test_with_0_nothing_is_stored_but_when_it_was(clients: ClientFactory) -> None:
    account = make_account(admin=True)
    with keep(0):
        token = token_for(account, "PHONE")
        get("/account/whoami", token=token)
        signed_in = open_session(ACCOUNT, account, IP, AGENT)
        (shown,) = get("/devices", token=token).body["devices"]
        last_seen.flush()
        assert find_session(ACCOUNT, signed_in.token, "192.0.2.9") is not None
    assert device_of(account) == (None, None, False)
    assert session_of(account) == ("", "")
    assert shown["last_seen_ts"] > 0
    assert "last_seen_ip" not in shown


def test_what_was_seen_before_the_setting_became_0_is_not_stored_any_more() -> None:
    account = make_account()
    seen(account, 1)
    signed_in = open_session(ADMIN, make_account(admin=True), IP, AGENT)
    get("/account/whoami", token=token_for(account, "PHONE"))
    with keep(0):
        last_seen.flush()
        assert find_session(ADMIN, signed_in.token, IP) is not None
        tasks.forget_connections()
    for table, column in (("device", "last_seen_ip"), ("web_session", "ip"), ("web_session", "user_agent")):
        assert db.value(f"SELECT count(*) FROM {table} WHERE {column} <> ''") == 0


def test_a_session_whose_address_is_not_kept_is_not_written_at_each_request() -> None:
    account = make_account()
    with keep(0):
        signed_in = open_session(ACCOUNT, account, IP, AGENT)
        before = db.value("SELECT last_used_ts FROM web_session")
        db.execute("UPDATE web_session SET last_used_ts = %s", (before - 1000,))
        assert find_session(ACCOUNT, signed_in.token, IP) is not None
    assert db.value("SELECT last_used_ts FROM web_session") == before - 1000


def test_the_audit_log_keeps_addresses_by_its_own_time() -> None:
    account = make_account()
    with keep(0):
        session = find_session(ACCOUNT, open_session(ACCOUNT, account, IP, AGENT).token, "192.0.2.9")
        assert session is not None
        sign_out(session)
        tasks.forget_connections()
    found = audit.page(before=None, limit=2, target=account.user_id)
    assert [(row.action, row.ip) for row in found] == [("session.end", "192.0.2.9"), ("session.start", IP)]


@pytest.mark.parametrize("written", [True, False])
def test_administrators_are_told_only_what_is_known(*, written: bool) -> None:
    account, admin = make_account(), make_account(admin=True)
    by_admin = token_for(admin)
    with keep(0):
        get("/account/whoami", token=token_for(account, "PHONE"))
        if written:
            last_seen.flush()
        whois = get(f"/admin/whois/{account.user_id}", token=by_admin).body
        (device,) = get(f"/_synapse/admin/v2/users/{account.user_id}/devices", token=by_admin).body["devices"]
    (connection,) = whois["devices"]["PHONE"]["sessions"][0]["connections"]
    assert list(connection) == ["last_seen"]
    assert (device["last_seen_ip"], device["last_seen_user_agent"]) == (None, None)
    assert device["last_seen_ts"] == connection["last_seen"]


@pytest.mark.parametrize("written", [True, False])
def test_pages_have_a_gap_where_nothing_is_known(*, written: bool) -> None:
    account, browser, own = make_account(), Browser(), Browser()
    with keep(0):
        browser.sign_in(make_account(admin=True))
        own.sign_in(account, area=ACCOUNT)
        get("/account/whoami", token=token_for(account, "PHONE"))
        if written:
            last_seen.flush()
        for visitor, path in (
            (browser, f"/admin/users/{account.user_nid}/devices/"),
            (own, "/account/"),
            (own, "/account/device/?device_id=PHONE"),
        ):
            shown = visitor.get(path)
            assert shown.status == 200
            assert "PHONE" in shown.text
            assert "None" not in shown.text
            assert "·" not in " ".join(shown.texts(".belongings p"))


def test_every_table_with_addresses_of_users_is_known() -> None:
    found = {
        model._meta.db_table
        for model in apps.get_app_config("storage").get_models()
        for field in model._meta.get_fields()
        if {"ip", "agent"} & set(field.name.split("_"))
    }
    # The audit log has a time of its own.
    assert found - {"audit_entry"} == set(stored.TABLES)
