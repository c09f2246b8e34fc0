"""Settings that are changed while the server runs."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.config import get_config
from appliance.config.runtime import runtime_keys
from appliance.config.stored import refresh
from matrix_app.protocol.errors import Forbidden, InvalidParam, NotFound
from matrix_app.services.audit import CLI
from matrix_app.services.change_settings import change_settings, reset_setting
from matrix_app.storage import audit, db, settings

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_changed_setting_is_in_effect_at_once_and_until_it_is_reset() -> None:
    before = get_config().registration.mode
    change_settings(CLI, {"registration.mode": "closed", "rooms.encrypt_by_default": True})
    assert get_config().registration.mode == "closed"
    assert get_config().rooms.encrypt_by_default
    assert get_config().server.name == "hearth.example"
    reset_setting(CLI, "registration.mode")
    assert get_config().registration.mode == before
    assert get_config().rooms.encrypt_by_default
    with pytest.raises(NotFound):
        reset_setting(CLI, "registration.mode")


def test_another_process_takes_the_change_over_when_it_looks() -> None:
    with db.write():
        settings.put("limits.messages_per_page", b"7", 5, None)
    refresh(now=True)
    assert get_config().limits.messages_per_page == 7


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"registration.mode": "sometimes"}, InvalidParam),
        ({"limits.messages_per_page": 0}, InvalidParam),
        ({"registration.guests": "yes"}, InvalidParam),
        ({"database.url": "sqlite:///other"}, NotFound),
        ({"nothing.such": 1}, NotFound),
    ],
)
def test_a_setting_that_cannot_be_is_refused_and_nothing_is_changed(
    changes: dict[str, Any], fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        change_settings(CLI, {"rooms.encrypt_by_default": True, **changes})
    assert not get_config().rooms.encrypt_by_default
    assert settings.all_values() == {}


def test_what_the_environment_fixes_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_ROOMS__PUBLICATION", "true")
    with pytest.raises(Forbidden):
        change_settings(CLI, {"rooms.publication": False})
    with db.write():
        settings.put("rooms.publication", b"false", 5, None)
    refresh(now=True)
    assert get_config().rooms.publication


def test_a_secret_is_sealed_where_it_is_stored_and_not_in_the_audit_log() -> None:
    change_settings(
        CLI, {"mail.host": "mail.example", "mail.sender": "h@example", "mail.password": "hunter2"}
    )
    assert get_config().mail.password == "hunter2"
    assert b"hunter2" not in b"".join(settings.all_values().values())
    assert "hunter2" not in str(audit.page(before=None, limit=5))


def test_a_stored_setting_of_another_version_is_left_out() -> None:
    with db.write():
        settings.put("gone.setting", b"1", 5, None)
        settings.put("rooms.encrypt_by_default", b"true", 5, None)
    refresh(now=True)
    assert get_config().rooms.encrypt_by_default


@pytest.mark.parametrize("name", ["gone.setting", "retention.gone_days", "database.url"])
def test_a_stored_setting_of_another_version_keeps_no_other_from_being_changed(name: str) -> None:
    with db.write():
        settings.put(name, b"1", 5, None)
    change_settings(CLI, {"rooms.encrypt_by_default": True})
    assert get_config().rooms.encrypt_by_default
    reset_setting(CLI, name)
    assert set(settings.all_values()) == {"rooms.encrypt_by_default"}


def test_paths_and_addresses_are_not_changed_while_the_server_runs() -> None:
    names = set(runtime_keys())
    assert "registration.mode" in names
    assert not {"server.name", "server.listen", "mail.password_file", "media.dir", "database.url"} & names
