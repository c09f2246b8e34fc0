"""Versions, capabilities, well-known files, unknown endpoints."""

from __future__ import annotations

import pytest

from tests.factories.accounts import make_account, token_for
from tests.factories.settings import settings
from tests.factories.visitor import ask, get, post

pytestmark = pytest.mark.django_db(transaction=True)


def test_versions_are_told_to_everybody() -> None:
    body = get("/_matrix/client/versions").body
    assert {"r0.6.1", "v1.1", "v1.19"} <= set(body["versions"])
    assert all(body["unstable_features"].values())
    # Element asks for rooms by their type only where it finds this, whatever the versions.
    assert "org.matrix.msc3827.stable" in body["unstable_features"]


def test_capabilities_are_those_of_server_and_user() -> None:
    found = get("/capabilities", token=token_for(make_account())).body["capabilities"]
    assert found["m.change_password"] == {"enabled": True}
    assert found["m.get_login_token"] == {"enabled": True}
    assert found["m.room_versions"]["default"] in found["m.room_versions"]["available"]
    assert found["m.3pid_changes"] == {"enabled": False}
    assert "m.account_moderation" not in found
    admin = get("/capabilities", token=token_for(make_account(admin=True))).body["capabilities"]
    assert admin["m.account_moderation"] == {"suspend": True, "lock": True}


def test_a_locked_profile_shows_in_every_capability_about_it() -> None:
    with settings(registration={"allow_profile_change": False}):
        found = get("/capabilities", token=token_for(make_account())).body["capabilities"]
        admin = get("/capabilities", token=token_for(make_account(admin=True))).body["capabilities"]
    for name in ("m.set_displayname", "m.set_avatar_url", "m.profile_fields"):
        assert found[name] == {"enabled": False}
        assert admin[name] == {"enabled": True}, "administrators may change theirs"


def test_guests_are_told_that_they_change_nothing_but_their_name() -> None:
    with settings(registration={"guests": True}):
        guest = post("/register?kind=guest").body
    found = get("/capabilities", token=guest["access_token"]).body["capabilities"]
    assert found["m.profile_fields"] == {"enabled": True, "allowed": ["displayname"]}
    assert found["m.set_displayname"] == {"enabled": True}
    for name in ("m.set_avatar_url", "m.3pid_changes", "m.change_password", "m.get_login_token"):
        assert found[name] == {"enabled": False}


def test_clients_and_servers_find_this_server() -> None:
    with settings(server={"public_baseurl": "https://matrix.example.org/"}):
        client = get("/.well-known/matrix/client")
        assert client.body["m.homeserver"] == {"base_url": "https://matrix.example.org"}
        assert client.headers["Access-Control-Allow-Origin"] == "*"
        assert get("/.well-known/matrix/server").body == {"m.server": "matrix.example.org:443"}
    with settings(server={"public_baseurl": "https://matrix.example.org:8448"}):
        assert get("/.well-known/matrix/server").body == {"m.server": "matrix.example.org:8448"}
    # Other servers need TLS.
    with settings(server={"public_baseurl": "http://localhost:8008"}):
        assert get("/.well-known/matrix/server").status == 404


def test_support_information_is_what_the_owner_gave() -> None:
    assert get("/.well-known/matrix/support").errcode == "M_NOT_FOUND"
    with settings(server={"admin_contact": "@owner:example.org", "support_page": "https://example.org/help"}):
        assert get("/.well-known/matrix/support").body == {
            "contacts": [{"matrix_id": "@owner:example.org", "role": "m.role.admin"}],
            "support_page": "https://example.org/help",
        }
    with settings(server={"admin_contact": "mailto:owner@example.org"}):
        contacts = get("/.well-known/matrix/support").body["contacts"]
        assert contacts == [{"email_address": "owner@example.org", "role": "m.role.admin"}]


def test_unknown_endpoints_and_methods_are_unrecognized() -> None:
    unknown = get("/unheard/of")
    assert (unknown.status, unknown.errcode) == (404, "M_UNRECOGNIZED")
    method = ask("PATCH", "/login")
    assert (method.status, method.errcode) == (405, "M_UNRECOGNIZED")


def test_whoami_needs_a_token() -> None:
    assert get("/account/whoami").errcode == "M_MISSING_TOKEN"
    make_account()
    assert post("/logout", token="an/invalid/token").errcode == "M_UNKNOWN_TOKEN"
