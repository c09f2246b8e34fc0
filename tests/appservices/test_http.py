"""Application services over HTTP: transactions, questions, pings, networks of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from django.db import connections

from matrix_app.appservices import third_party
from matrix_app.appservices.bridge import HttpBridge
from matrix_app.federation import loop
from matrix_app.federation.outgoing import Answer
from matrix_app.federation.ttl_cache import TtlCache
from matrix_app.services.appservices import appservices
from matrix_app.storage import appservice_queue, db, stream
from tests.factories.bridges import TOKEN, make_ghost, write_registration
from tests.factories.client import ClientFactory
from tests.factories.http_service import Asked, HttpService, http_service
from tests.factories.present_state import state_of
from tests.factories.settings import settings
from tests.factories.visitor import ask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpService]:
    monkeypatch.setattr(third_party, "_kept", TtlCache(10))
    with http_service(b"{}") as service:
        file = write_registration(tmp_path, url=service.address, protocols=["irc"])
        with settings(app_services={"registration_files": (file,)}):
            yield service


def in_other_thread(asked: Asked, path: str, make: Any) -> int | None:
    """What a bridge does while it is asked, on a connection to the database that ends with it."""
    if asked.path != path:
        return 404
    try:
        make()
    finally:
        connections.close_all()
    return 200


def test_transactions_are_put_with_the_token_in_the_header(bridge: HttpService) -> None:
    [service] = appservices()
    answer = loop.run(HttpBridge().send(service, "1.2", b'{"events":[]}'), 10)
    loop.stop()
    assert answer == Answer(200, {})
    path = "/_matrix/app/v1/transactions/1.2"
    assert bridge.asked == [Asked("PUT", path, b'{"events":[]}', f"Bearer hs {TOKEN}")]


def test_a_service_that_knows_old_paths_only_is_sent_to_those(bridge: HttpService) -> None:
    [service] = appservices()
    bridge.react = lambda asked: 404 if asked.path.startswith("/_matrix") else 200
    assert loop.run(HttpBridge().send(service, "7", b"{}"), 10).status == 200
    loop.stop()
    assert [asked.path for asked in bridge.asked] == ["/_matrix/app/v1/transactions/7", "/transactions/7"]


def test_inviting_a_user_of_a_bridge_lets_it_make_them(clients: ClientFactory, bridge: HttpService) -> None:
    alice = clients.make()
    user_id = f"@_bridge_ben:{alice.user_id.partition(':')[2]}"
    path = f"/_matrix/app/v1/users/{quote(user_id, safe='')}"
    bridge.react = lambda asked: in_other_thread(asked, path, lambda: make_ghost("_bridge_ben"))
    assert alice.get(f"/profile/{quote(user_id)}").status == 200
    assert alice.change(alice.create_room(), "invite", user_id=user_id).status == 200
    assert [asked.path for asked in bridge.asked] == [path], "a user who is there need not be asked for"


def test_a_room_made_with_a_user_of_a_bridge_lets_it_make_them(
    clients: ClientFactory, bridge: HttpService
) -> None:
    alice = clients.make()
    user_id = f"@_bridge_eva:{alice.user_id.partition(':')[2]}"
    path = f"/_matrix/app/v1/users/{quote(user_id, safe='')}"
    bridge.react = lambda asked: in_other_thread(asked, path, lambda: make_ghost("_bridge_eva"))
    room_id = alice.create_room(invite=[user_id], is_direct=True)
    assert [asked.path for asked in bridge.asked] == [path]
    assert state_of(room_id)["m.room.member", user_id]["displayname"] == "_bridge_eva"


def test_an_alias_of_a_bridge_leads_to_the_room_that_it_makes(
    clients: ClientFactory, bridge: HttpService
) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    alias = f"#_bridge_x:{alice.user_id.partition(':')[2]}"
    path = f"/_matrix/app/v1/rooms/{quote(alias, safe='')}"

    def make() -> None:
        reply = ask("PUT", f"/directory/room/{quote(alias)}", {"room_id": room_id}, token=TOKEN)
        assert reply.status == 200, reply.text

    bridge.react = lambda asked: in_other_thread(asked, path, make)
    assert alice.get(f"/directory/room/{quote(alias)}").body["room_id"] == room_id
    elsewhere = f"#_bridge_y:{alice.user_id.partition(':')[2]}"
    assert alice.get(f"/directory/room/{quote(elsewhere)}").status == 404


def test_a_bridge_that_is_down_is_no_error(clients: ClientFactory, bridge: HttpService) -> None:
    alice = clients.make()
    user_id = f"@_bridge_nobody:{alice.user_id.partition(':')[2]}"
    bridge.react = lambda asked: 500
    assert alice.get(f"/profile/{quote(user_id)}").status == 404
    [service] = appservices()
    assert service.url == bridge.address
    other = f"@somebody:{alice.user_id.partition(':')[2]}"
    before = len(bridge.asked)
    assert alice.get(f"/profile/{quote(other)}").status == 404
    assert len(bridge.asked) == before


def ping(body: Any = None, service: str = "bridge", token: str = TOKEN) -> Any:
    return ask("POST", f"/_matrix/client/v1/appservice/{service}/ping", body or {}, token=token)


def test_a_ping_says_how_long_it_took_and_ends_the_waiting(bridge: HttpService) -> None:
    with db.write():
        appservice_queue.begin("bridge", stream.current_position())
        appservice_queue.failed("bridge", "down", 1 << 50)
    reply = ping({"transaction_id": "meow"})
    assert reply.status == 200
    assert type(reply.body["duration_ms"]) is int
    assert bridge.asked == [
        Asked("POST", "/_matrix/app/v1/ping", b'{"transaction_id":"meow"}', f"Bearer hs {TOKEN}")
    ]
    progress = appservice_queue.get("bridge")
    assert progress is not None
    assert progress.retry_ts is None


def test_a_ping_that_fails_says_why(clients: ClientFactory, bridge: HttpService, tmp_path: Path) -> None:
    bridge.react, bridge.answer = lambda asked: 403, b'{"errcode":"M_FORBIDDEN"}'
    reply = ping()
    assert (reply.status, reply.errcode) == (502, "M_BAD_STATUS")
    assert (reply.body["status"], reply.body["body"]) == (403, '{"errcode":"M_FORBIDDEN"}')
    assert ping(service="another").status == 403
    assert ping(token=clients.make().token).errcode == "M_FORBIDDEN"
    for url, errcode in ((None, "M_URL_NOT_SET"), ("http://127.0.0.1:1", "M_CONNECTION_FAILED")):
        file = write_registration(tmp_path / str(bool(url)), url=url)
        with settings(app_services={"registration_files": (file,)}):
            assert ping().errcode == errcode


METADATA = {
    "user_fields": ["network", "nickname"],
    "location_fields": ["network", "channel"],
    "icon": "mxc://example.org/icon",
    "field_types": {},
    "instances": [{"network_id": "libera", "desc": "Libera", "fields": {}}],
}


def test_clients_learn_which_networks_bridges_lead_to(clients: ClientFactory, bridge: HttpService) -> None:
    bridge.answer = orjson.dumps(METADATA)
    alice = clients.make()
    [instance] = METADATA["instances"]
    shown = {**METADATA, "instances": [{**instance, "instance_id": "bridge|libera"}]}  # type: ignore[dict-item]
    assert alice.get("/thirdparty/protocols").body == {"irc": shown}
    assert alice.get("/thirdparty/protocol/irc").body == shown
    assert alice.get("/thirdparty/protocol/icq").errcode == "M_NOT_FOUND"
    assert len(bridge.asked) == 1, "what a bridge says of its protocol is kept for some minutes"


def test_places_and_people_of_networks_are_found(clients: ClientFactory, bridge: HttpService) -> None:
    alice = clients.make()
    place = {"alias": "#_bridge_x:hearth.example", "protocol": "irc", "fields": {"channel": "#x"}}
    bridge.answer = orjson.dumps([place, {"nonsense": True}, 5])
    assert alice.get("/thirdparty/location/irc?channel=%23x").body == [place]
    assert alice.get("/thirdparty/location?alias=%23_bridge_x%3Ahearth.example").body == [place]
    person = {"userid": "@_bridge_ben:hearth.example", "protocol": "irc", "fields": {"nickname": "ben"}}
    bridge.answer = orjson.dumps([person])
    assert alice.get("/thirdparty/user/irc?nickname=ben").body == [person]
    assert alice.get("/thirdparty/user?userid=%40_bridge_ben%3Ahearth.example").body == [person]
    assert [asked.path for asked in bridge.asked] == [
        "/_matrix/app/v1/thirdparty/location/irc?channel=%23x",
        "/_matrix/app/v1/thirdparty/location?alias=%23_bridge_x%3Ahearth.example",
        "/_matrix/app/v1/thirdparty/user/irc?nickname=ben",
        "/_matrix/app/v1/thirdparty/user?userid=%40_bridge_ben%3Ahearth.example",
    ]
    assert alice.get("/thirdparty/user/icq").errcode == "M_NOT_FOUND"
    bridge.answer = b"[]"
    assert alice.get("/thirdparty/user/irc?nickname=eve").errcode == "M_NOT_FOUND"
    assert alice.get("/thirdparty/location/irc?channel=%23y").errcode == "M_NOT_FOUND"
    assert alice.get("/thirdparty/location?alias=%23y%3Ahearth.example").errcode == "M_NOT_FOUND"
    assert alice.get("/thirdparty/user?userid=%40eve%3Ahearth.example").errcode == "M_NOT_FOUND"
    assert alice.get("/thirdparty/user").errcode == "M_MISSING_PARAM"
