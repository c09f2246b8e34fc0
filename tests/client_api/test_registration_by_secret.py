"""Registration with the shared secret."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from appliance.secrets import registration_shared_secret
from matrix_app.storage import accounts
from tests.factories.visitor import Reply, get, post

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/_synapse/admin/v1/register"


def register(username: str, *, admin: bool = False, mac_admin: bool | None = None, **extra: Any) -> Reply:
    nonce = get(PATH).body["nonce"]
    kind = "admin" if (admin if mac_admin is None else mac_admin) else "notadmin"
    text = "\0".join([nonce, username, "password", kind])
    mac = hmac.new(registration_shared_secret().encode(), text.encode(), hashlib.sha1).hexdigest()
    body = {"nonce": nonce, "username": username, "password": "password", "admin": admin, "mac": mac}
    return post(PATH, {**body, **extra})


def test_who_knows_the_secret_makes_users_and_administrators() -> None:
    made = register("Alice").body
    assert made["user_id"] == "@alice:hearth.example"
    assert get("/account/whoami", token=made["access_token"]).status == 200
    register("root", admin=True, displayname="Root")
    root = accounts.find("@root:hearth.example")
    assert root is not None
    assert root.is_admin


def test_who_does_not_know_the_secret_makes_nobody() -> None:
    assert register("alice", mac="0" * 40).errcode == "M_FORBIDDEN"
    assert register("alice", mac="é").errcode == "M_FORBIDDEN"
    assert register("alice", admin=True, mac_admin=False).errcode == "M_FORBIDDEN"
    assert accounts.find("@alice:hearth.example") is None


def test_a_nonce_serves_once() -> None:
    nonce = get(PATH).body["nonce"]
    assert register("alice", nonce="nonsense").status == 400
    assert register("alice", nonce=nonce).errcode == "M_FORBIDDEN"
    assert register("alice", nonce=nonce).errcode == "M_UNKNOWN"


def test_names_follow_the_grammar() -> None:
    assert register("us,er").errcode == "M_INVALID_USERNAME"
    assert register("alice", inhibit_login=True).body == {
        "user_id": "@alice:hearth.example",
        "home_server": "hearth.example",
    }
