"""Presence: what users say, and what their doing says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from appliance.config import Config
from appliance.config.current import use_config
from matrix_app.services import presence as presence_service
from matrix_app.services.connected_users import ConnectedUsers
from matrix_app.services.presence_sweep import GONE_MS, IDLE_MS, sweep_all
from matrix_app.storage import db, presence
from matrix_app.storage.clock import now_ms
from tests.factories.client import Client, ClientFactory
from tests.factories.syncing import sync


@pytest.fixture
def _switched_on(config: Config) -> Iterator[None]:
    switched = msgspec.structs.replace(config.presence, enabled=True)
    with use_config(msgspec.structs.replace(config, presence=switched)):
        yield


on = pytest.mark.usefixtures("_switched_on")


def status(client: Client, of: Client | None = None) -> Any:
    """What the presence endpoint says."""
    return client.get(f"/presence/{(of or client).user_id}/status").body


def say(client: Client, state: str, **more: Any) -> None:
    assert client.put(f"/presence/{client.user_id}/status", {"presence": state, **more}).body == {}


def age(client: Client, **columns: Any) -> None:
    """Let a user have been away."""
    row = presence.get(client.requester.user_nid)
    assert row is not None
    with db.write():
        presence.put_all([row._replace(**columns)])


def shown(client: Client, since: str, of: Client) -> Any:
    """The content of another's presence event in a sync."""
    body = sync(client, since, set_presence="offline")
    for event in body.get("presence", {}).get("events", []):
        if event["sender"] == of.user_id:
            return event["content"]
    return None


@on
def test_what_a_user_says_is_told_to_those_who_share_a_room(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    since = {client: sync(client, set_presence="offline")["next_batch"] for client in (bob, carol)}
    say(alice, "online", status_msg="here")
    content = shown(bob, since[bob], alice)
    assert content.pop("last_active_ago") < 10_000
    assert content == {"presence": "online", "currently_active": True, "status_msg": "here"}
    assert status(bob, alice)["presence"] == "online"
    assert shown(carol, since[carol], alice) is None
    assert carol.get(f"/presence/{alice.user_id}/status").errcode == "M_FORBIDDEN"


@on
def test_one_sets_ones_own_presence_to_a_known_state(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    path = f"/presence/{alice.user_id}/status"
    assert bob.put(path, {"presence": "online"}).errcode == "M_FORBIDDEN"
    assert alice.put(path, {"presence": "busy"}).errcode == "M_INVALID_PARAM"
    assert alice.put(path, {}).errcode == "M_MISSING_PARAM"


@on
def test_who_was_long_idle_is_unavailable_and_who_is_gone_offline(clients: ClientFactory) -> None:
    alice = clients.make()
    say(alice, "online")
    age(alice, last_active_ts=now_ms() - IDLE_MS - 1000, last_sync_ts=now_ms())
    assert sweep_all() == 1
    assert status(alice)["presence"] == "unavailable"
    assert sweep_all() == 0
    age(alice, last_sync_ts=now_ms() - GONE_MS - 1000)
    assert sweep_all() == 1
    assert status(alice)["presence"] == "offline"


@on
def test_who_was_active_a_while_ago_is_no_longer_currently_active(clients: ClientFactory) -> None:
    alice = clients.make()
    say(alice, "online")
    age(alice, last_active_ts=now_ms() - presence_service.RECENT_MS - 1000, last_sync_ts=now_ms())
    sweep_all()
    assert status(alice)["presence"] == "online"
    assert status(alice)["currently_active"] is False


@on
def test_a_message_makes_an_idle_user_online_and_leaves_an_offline_one_hidden(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    say(alice, "unavailable")
    say(bob, "offline")
    alice.send(room_id)
    bob.send(room_id)
    assert status(alice)["presence"] == "online"
    assert status(bob)["presence"] == "offline"


@on
def test_a_new_name_is_told_with_the_presence(clients: ClientFactory) -> None:
    alice = clients.make()
    say(alice, "online")
    since = sync(alice, set_presence="offline")["next_batch"]
    alice.put(f"/profile/{alice.user_id}/displayname", {"displayname": "Alice"})
    assert shown(alice, since, alice)["displayname"] == "Alice"


@on
def test_syncing_makes_online_unless_the_client_says_otherwise(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    sync(alice)
    sync(bob, set_presence="offline")
    assert status(alice)["presence"] == "online"
    assert status(bob) == {"presence": "offline"}


@on
def test_a_client_that_goes_idle_and_comes_back_is_followed(clients: ClientFactory) -> None:
    nid = clients.make().requester.user_nid
    connected = ConnectedUsers()
    states = []
    for wanted in ("online", "unavailable", "online"):
        connected.sync_started(nid, 1, wanted, 0)
        states.append(_state(nid))
    assert states == ["online", "unavailable", "online"]


@on
def test_one_idle_client_does_not_hide_another_that_is_online(clients: ClientFactory) -> None:
    nid = clients.make().requester.user_nid
    connected = ConnectedUsers()
    connected.sync_started(nid, 1, "online", 30)
    connected.sync_started(nid, 2, "unavailable", 30)
    assert _state(nid) == "online"


@on
def test_who_waits_in_a_sync_stays_connected(clients: ClientFactory) -> None:
    nid = clients.make().requester.user_nid
    connected = ConnectedUsers()
    connected.sync_started(nid, 1, "online", 300)
    row = presence.get(nid)
    assert row is not None
    with db.write():
        presence.put_all([row._replace(last_sync_ts=1, last_active_ts=now_ms() - GONE_MS - 1000)])
    connected.tick()
    assert _state(nid) == "online"


def _state(user_nid: int) -> str:
    row = presence.get(user_nid)
    assert row is not None
    return row.presence


def test_without_presence_everybody_is_offline(clients: ClientFactory) -> None:
    alice = clients.make()
    say(alice, "online")
    sync(alice)
    assert status(alice) == {"presence": "offline"}
