"""Registration files of application services."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.protocol.appservice_registration import parse_registration
from matrix_app.protocol.errors import InvalidParam

GOOD: dict[str, Any] = {
    "id": "irc",
    "url": "http://127.0.0.1:1234/",
    "as_token": "a",
    "hs_token": "h",
    "sender_localpart": "bot",
    "namespaces": {
        "users": [{"regex": "@_irc_.*", "exclusive": True}, {"regex": "@free_.*", "exclusive": False}],
        "aliases": [{"regex": "#_irc_.*", "exclusive": True}],
    },
}


def test_a_service_claims_its_exclusive_namespaces() -> None:
    service = parse_registration(GOOD)
    assert service.url == "http://127.0.0.1:1234"
    assert service.claims_user("@_irc_alice:example.org")
    assert not service.claims_user("@free_alice:example.org")
    assert not service.claims_user("@x_irc_alice:example.org")
    assert service.claims_alias("#_irc_room:example.org")
    assert service.rooms == ()


def test_a_service_acts_as_local_users_of_its_namespaces_and_its_bot() -> None:
    service = parse_registration(GOOD)
    assert service.may_act_as("@bot:example.org", "example.org")
    assert service.may_act_as("@free_alice:example.org", "example.org")
    assert not service.may_act_as("@free_alice:elsewhere.org", "example.org")
    assert not service.may_act_as("@bot:elsewhere.org", "example.org")


def test_a_service_need_not_be_reached() -> None:
    assert parse_registration({**GOOD, "url": None}).url is None
    assert parse_registration({**GOOD, "url": ""}).url is None


def test_ephemeral_data_are_wanted_under_old_and_new_names() -> None:
    assert not parse_registration(GOOD).receive_ephemeral
    for name in ("receive_ephemeral", "de.sorunome.msc2409.push_ephemeral"):
        assert parse_registration({**GOOD, name: True}).receive_ephemeral


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        {**GOOD, "id": ""},
        {**GOOD, "as_token": 5},
        {**GOOD, "url": 5},
        {**GOOD, "namespaces": None},
        {**GOOD, "namespaces": {"users": {}}},
        {**GOOD, "namespaces": {"users": [{"exclusive": True}]}},
        {**GOOD, "namespaces": {"users": [{"regex": "(", "exclusive": True}]}},
    ],
)
def test_files_that_make_no_sense_are_refused(bad: Any) -> None:
    with pytest.raises(InvalidParam):
        parse_registration(bad)
