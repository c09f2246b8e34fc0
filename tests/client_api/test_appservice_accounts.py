"""What application services do with accounts: make them, act as them, sign in as them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from matrix_app.services.appservices import find_requester
from matrix_app.storage import accounts
from tests.factories.accounts import make_account, token_for
from tests.factories.client import Client
from tests.factories.encryption import Key
from tests.factories.settings import settings
from tests.factories.syncing import sync
from tests.factories.visitor import ask, get, post

pytestmark = pytest.mark.django_db(transaction=True)
TYPE = "m.login.application_service"
BRIDGE = "bridge token"


def registration(name: str, token: str, namespace: str, *, exclusive: bool) -> str:
    return f"""
id: {name}
url: null
as_token: {token}
hs_token: hs {token}
sender_localpart: {name}_bot
namespaces:
  users:
    - regex: "{namespace}"
      exclusive: {str(exclusive).lower()}
  aliases:
    - regex: "#{name}_.*"
      exclusive: true
  rooms: []
"""


@pytest.fixture(autouse=True)
def _appservices(tmp_path: Path) -> Iterator[None]:
    bridge, helper = tmp_path / "bridge.yaml", tmp_path / "helper.yaml"
    bridge.write_text(registration("bridge", BRIDGE, "@_bridge_.*", exclusive=True))
    helper.write_text(registration("helper", "helper token", "@help.*", exclusive=False))
    files = (bridge, helper)
    with settings(app_services={"registration_files": files}, registration={"mode": "closed"}):
        yield


def make(username: str, token: str = BRIDGE, **extra: Any) -> Any:
    return post("/register", {"type": TYPE, "username": username, **extra}, token=token)


def test_a_service_makes_users_in_its_namespace_even_where_registration_is_closed() -> None:
    body = make("_bridge_alice").body
    assert body["user_id"] == "@_bridge_alice:hearth.example"
    assert get("/account/whoami", token=body["access_token"]).body["user_id"] == body["user_id"]
    assert "access_token" not in make("_bridge_bob", inhibit_login=True).body
    assert make("_bridge_alice").errcode == "M_USER_IN_USE"
    assert make("somebody").errcode == "M_EXCLUSIVE"
    assert make("").errcode == "M_INVALID_USERNAME"
    assert make("_bridge_x", token="helper token").errcode == "M_EXCLUSIVE"
    assert make("_bridge_x", token="nonsense").errcode == "M_UNKNOWN_TOKEN"
    assert post("/register", {"type": TYPE, "username": "_bridge_x"}).errcode == "M_MISSING_TOKEN"


def test_people_stay_out_of_exclusive_namespaces() -> None:
    with settings(registration={"mode": "open"}):
        auth = {"type": "m.login.dummy"}
        assert post("/register", {"username": "_bridge_eve", "auth": auth}).errcode == "M_EXCLUSIVE"
        assert post("/register", {"username": "bridge_bot", "auth": auth}).errcode == "M_EXCLUSIVE"
        assert (
            post("/register", {"username": "helpful", "password": "a good password", "auth": auth}).status
            == 200
        )
    assert get("/register/available?username=_bridge_eve").errcode == "M_EXCLUSIVE"


def test_a_service_acts_as_its_bot_or_as_one_of_its_users() -> None:
    assert get("/account/whoami", token=BRIDGE).body["user_id"] == "@bridge_bot:hearth.example"
    make("_bridge_alice", inhibit_login=True)
    alice = "/account/whoami?user_id=@_bridge_alice:hearth.example"
    assert get(alice, token=BRIDGE).body["user_id"] == "@_bridge_alice:hearth.example"
    assert get(alice, token="helper token").errcode == "M_FORBIDDEN"
    assert get("/account/whoami?user_id=@_bridge_new:hearth.example", token=BRIDGE).errcode == "M_FORBIDDEN"
    assert get("/account/whoami?user_id=@_bridge_x:elsewhere.example", token=BRIDGE).errcode == "M_FORBIDDEN"
    assert get("/account/whoami?user_id=nonsense", token=BRIDGE).errcode == "M_FORBIDDEN"


def test_a_service_acts_with_devices_that_it_made() -> None:
    make("_bridge_alice", inhibit_login=True)
    query = "user_id=@_bridge_alice:hearth.example"
    unknown = get(f"/account/whoami?{query}&device_id=BOT", token=BRIDGE)
    assert (unknown.status, unknown.errcode) == (400, "M_UNKNOWN_DEVICE")
    made = ask("PUT", f"/devices/BOT?{query}", {"display_name": "Bot"}, token=BRIDGE)
    assert (made.status, made.body) == (201, {})
    assert ask("PUT", f"/devices/BOT?{query}", {"display_name": "Bot"}, token=BRIDGE).status == 200
    for name in ("device_id", "org.matrix.msc3202.device_id"):
        assert get(f"/account/whoami?{query}&{name}=BOT", token=BRIDGE).body["device_id"] == "BOT"
    # An application service need not authenticate anew.
    assert ask("DELETE", f"/devices/BOT?{query}", token=BRIDGE).status == 200
    assert get(f"/account/whoami?{query}&device_id=BOT", token=BRIDGE).errcode == "M_UNKNOWN_DEVICE"


def test_no_device_that_a_service_makes_is_called_as_a_cross_signing_key() -> None:
    make("_bridge_alice", inhibit_login=True)
    user_id = "@_bridge_alice:hearth.example"
    query = f"user_id={user_id}"
    public = Key(user_id).public
    master = {"user_id": user_id, "usage": ["master"], "keys": {f"ed25519:{public}": public}}
    uploaded = post(f"/keys/device_signing/upload?{query}", {"master_key": master}, token=BRIDGE)
    assert uploaded.status == 200
    refused = ask("PUT", f"/devices/{quote(public, safe='')}?{query}", {}, token=BRIDGE)
    assert (refused.status, refused.errcode) == (403, "M_FORBIDDEN")
    assert get(f"/devices?{query}", token=BRIDGE).body == {"devices": []}


def test_a_service_that_syncs_without_a_device_is_told_that_it_has_no_keys() -> None:
    make("_bridge_alice", inhibit_login=True)
    user_id = "@_bridge_alice:hearth.example"
    requester = find_requester(BRIDGE, user_id, None)
    assert requester is not None
    body = sync(Client(requester, BRIDGE), user_id=user_id)
    assert body["device_unused_fallback_key_types"] == []
    assert body["device_one_time_keys_count"] == {"signed_curve25519": 0}


def test_a_service_signs_in_as_its_users() -> None:
    make("_bridge_alice", inhibit_login=True)

    def log_in(user: str, token: str | None = BRIDGE) -> Any:
        return post("/login", {"type": TYPE, "identifier": {"type": "m.id.user", "user": user}}, token=token)

    assert log_in("_bridge_alice").body["user_id"] == "@_bridge_alice:hearth.example"
    assert log_in("bridge_bot").body["user_id"] == "@bridge_bot:hearth.example"
    assert log_in("@_bridge_nobody:hearth.example").errcode == "M_FORBIDDEN"
    assert log_in("somebody").errcode == "M_EXCLUSIVE"
    for token, errcode in (("nonsense", "M_UNKNOWN_TOKEN"), (None, "M_MISSING_TOKEN")):
        refused = log_in("_bridge_alice", token)
        assert (refused.status, refused.errcode) == (401, errcode)


def test_a_service_deactivates_its_users() -> None:
    make("_bridge_alice", inhibit_login=True)
    query = "user_id=@_bridge_alice:hearth.example"
    assert post(f"/account/deactivate?{query}", token=BRIDGE).status == 200
    account = accounts.find("@_bridge_alice:hearth.example")
    assert account is not None
    assert account.deactivated_ts is not None
    assert get(f"/account/whoami?{query}", token=BRIDGE).errcode == "M_USER_DEACTIVATED"


def test_aliases_of_a_namespace_are_the_services_own() -> None:
    token = token_for(make_account())
    room_id = post("/createRoom", {"preset": "public_chat"}, token=token).body["room_id"]
    body = {"room_id": room_id}
    alias = "/directory/room/%23bridge_room:hearth.example"
    assert ask("PUT", alias, body, token=token).errcode == "M_EXCLUSIVE"
    assert ask("PUT", alias, body, token=BRIDGE).status == 200
    elsewhere = "/directory/room/%23other:hearth.example"
    assert ask("PUT", elsewhere, body, token=BRIDGE).errcode == "M_EXCLUSIVE"
    assert post("/createRoom", {"room_alias_name": "bridge_x"}, token=token).errcode == "M_EXCLUSIVE"


def test_a_service_removes_any_alias_of_its_namespace_and_nobody_else_does() -> None:
    room_id = post("/createRoom", {}, token=BRIDGE).body["room_id"]
    make("_bridge_alice")
    path = "/directory/room/%23bridge_one%3Ahearth.example"
    for _ in range(2):
        acting = f"{path}?user_id=@_bridge_alice:hearth.example"
        assert ask("PUT", acting, {"room_id": room_id}, token=BRIDGE).status == 200
        person = token_for(make_account())
        assert ask("DELETE", path, None, token=person).errcode == "M_EXCLUSIVE"
        assert ask("DELETE", path, None, token="helper token").errcode == "M_EXCLUSIVE"
        assert ask("DELETE", path, None, token=BRIDGE).status == 200


def test_a_service_says_when_its_events_were_sent() -> None:
    make("_bridge_alice")
    acting = "user_id=@_bridge_alice:hearth.example"
    room_id = post(f"/createRoom?{acting}", {}, token=BRIDGE).body["room_id"]
    guest = make("_bridge_bob").body["user_id"]
    paths = {
        "send/m.room.message/1": {"msgtype": "m.text", "body": "long ago"},
        "state/m.own": {},
        f"state/m.room.member/{guest}": {"membership": "invite"},
        f"state/m.room.member/{guest}?": {"membership": "ban"},
    }
    for ts, (path, content) in enumerate(paths.items(), start=1_000):
        query = f"{'&' if '?' in path else '?'}{acting}&ts={ts}"
        sent = ask("PUT", f"/rooms/{room_id}/{path}{query}", content, token=BRIDGE).body["event_id"]
        event = get(f"/rooms/{room_id}/event/{sent}?{acting}", token=BRIDGE).body
        assert event["origin_server_ts"] == ts


def test_a_service_says_whether_a_room_of_its_network_is_to_be_listed() -> None:
    room_id = post("/createRoom", {"preset": "public_chat"}, token=BRIDGE).body["room_id"]
    path = f"/directory/list/appservice/irc/{room_id}"
    assert ask("PUT", path, {}, token=BRIDGE).errcode == "M_MISSING_PARAM"
    assert ask("PUT", path, {"visibility": "hidden"}, token=BRIDGE).errcode == "M_BAD_JSON"
    assert ask("PUT", path, {"visibility": "public"}, token=BRIDGE).status == 200
