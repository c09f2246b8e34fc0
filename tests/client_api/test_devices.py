"""Device management."""

from __future__ import annotations

import pytest
from django.apps import apps

from matrix_app.storage import db, devices
from tests.factories.accounts import make_account, password_stage, token_for
from tests.factories.visitor import ask, get, post

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_user_sees_their_devices_only() -> None:
    account = make_account()
    token = token_for(account, "ONE")
    token_for(account, "TWO")
    token_for(make_account(), "OTHER")
    found = get("/devices", token=token).body["devices"]
    assert [device["device_id"] for device in found] == ["ONE", "TWO"]
    assert found[0]["last_seen_ip"] == "192.0.2.1"
    assert found[0]["last_seen_ts"] > 0
    assert get("/devices/OTHER", token=token).errcode == "M_NOT_FOUND"


def test_a_device_can_be_renamed() -> None:
    account = make_account()
    token = token_for(account, "ONE")
    before = db.value("SELECT count(*) FROM device_list_change")
    assert ask("PUT", "/devices/ONE", {"display_name": "Phone"}, token=token).body == {}
    assert get("/devices/ONE", token=token).body["display_name"] == "Phone"
    assert db.value("SELECT count(*) FROM device_list_change") == before + 1
    assert ask("PUT", "/devices/ONE", {}, token=token).status == 200
    assert get("/devices/ONE", token=token).body["display_name"] == "Phone"
    assert ask("PUT", "/devices/ONE", {"display_name": "x" * 101}, token=token).errcode == "M_TOO_LARGE"
    assert ask("PUT", "/devices/ONE", {"display_name": 1}, token=token).errcode == "M_BAD_JSON"
    assert ask("PUT", "/devices/UNKNOWN", {"display_name": "x"}, token=token).errcode == "M_NOT_FOUND"


def test_everything_of_a_device_goes_with_it() -> None:
    account = make_account()
    token = token_for(account, "ONE")
    gone = token_for(account, "TWO")
    device = devices.find(account.user_nid, "TWO")
    assert device is not None
    with db.write():
        for table, columns, values in (
            ("one_time_key", "algorithm, key_id, created_ts, key", "'a', 'k', 1"),
            ("to_device_message", "position, content", "1"),
            ("fallback_key", "algorithm, key_id, used, key", "'a', 'k', FALSE"),
        ):
            sql = f"INSERT INTO {table} (device_nid, {columns}) VALUES (%s, {values}, %s)"
            db.execute(sql, (device.nid, b"{}"))
        db.execute(
            "INSERT INTO device_keys (user_nid, device_id, keys, stream_id) VALUES (%s, 'TWO', %s, 1)",
            (account.user_nid, b"{}"),
        )
    body = {"devices": ["TWO", "UNKNOWN"], "auth": password_stage(account)}
    assert post("/delete_devices", body, token=token).body == {}
    assert get("/account/whoami", token=gone).errcode == "M_UNKNOWN_TOKEN"
    for table in ("one_time_key", "to_device_message", "fallback_key", "device_keys"):
        assert db.value(f"SELECT count(*) FROM {table}") == 0
    latest = db.row("SELECT user_nid FROM device_list_change ORDER BY position DESC LIMIT 1")
    assert latest == (account.user_nid,)


def test_every_table_with_things_of_devices_is_known() -> None:
    with_device = {
        model._meta.db_table
        for model in apps.get_models()
        if any(field.name == "device_nid" for field in model._meta.get_fields())
    }
    # Connections of sliding sync have rows of their own, and go by `sliding`.
    elsewhere = {"stream_log", "sliding_connection"}
    assert with_device - elsewhere == set(devices.TABLES_OF_DEVICE)


def test_bad_lists_of_devices_are_refused_before_authentication() -> None:
    token = token_for(make_account())
    assert post("/delete_devices", {}, token=token).errcode == "M_MISSING_PARAM"
    assert post("/delete_devices", {"devices": "ONE"}, token=token).errcode == "M_BAD_JSON"
    assert post("/delete_devices", {"devices": [1], "auth": {}}, token=token).errcode == "M_BAD_JSON"


def test_ids_that_no_device_has_are_refused_or_not_found() -> None:
    token = token_for(make_account())
    assert get("/devices/%00", token=token).errcode == "M_INVALID_PARAM"
    assert post("/delete_devices", {"devices": ["\0"], "auth": {}}, token=token).status == 401


def test_a_session_begun_without_devices_deletes_none() -> None:
    account = make_account()
    token = token_for(account)
    assert (
        post("/delete_devices", {"auth": password_stage(account)}, token=token).errcode == "M_MISSING_PARAM"
    )


def test_who_has_no_way_to_authenticate_is_told() -> None:
    account = make_account()
    token = token_for(account, "ONE")
    db.execute("UPDATE account SET password_hash = NULL")
    assert ask("DELETE", "/devices/ONE", token=token).errcode == "M_FORBIDDEN"
