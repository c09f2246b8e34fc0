"""This server's keys, and being a notary for those of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from appliance.config import get_config
from appliance.config.current import use_config
from matrix_app.federation.key_ring import KeyRing
from matrix_app.federation.notary import MOST_SERVERS, Criteria, asked_keys
from matrix_app.protocol.errors import TooLarge
from matrix_app.protocol.server_keys import read_server_keys
from matrix_app.protocol.signing import SigningKey, verify_json
from matrix_app.protocol.unpadded_base64 import encode_base64
from matrix_app.services.local_identity import local_identity
from tests.conftest import SERVER_NAME
from tests.factories.client import Answer
from tests.factories.servers import HOUR, RemoteServer, now_ms, send
from tests.federation.fakes import KeyServers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_loop")]

OLD = SigningKey("old", b"\x04" * 32)


@pytest.fixture
def servers() -> KeyServers:
    return KeyServers()


@pytest.fixture
def ring(servers: KeyServers) -> KeyRing:
    return KeyRing(servers, [])


def check_own_signature(answer: dict[str, Any]) -> None:
    name, key = local_identity()
    assert list(answer["signatures"][name]) == [key.key_id]
    verify_json(answer, name, key.key_id, key.verify_key)


@pytest.mark.parametrize("path", ["/_matrix/key/v2/server", "/_matrix/key/v2/server/ed25519:any"])
def test_this_server_publishes_its_key_for_more_than_an_hour(path: str) -> None:
    answer = send("GET", path)
    assert answer.status == 200
    read = read_server_keys(answer.body)
    assert read.server_name == SERVER_NAME
    assert [key.key_id for key in read.keys] == [local_identity().signing_key.key_id]
    assert read.valid_until_ts > now_ms() + HOUR
    assert answer.body["old_verify_keys"] == {}


@pytest.fixture
def with_old_key() -> Iterator[None]:
    """The configuration has a key that was used earlier."""
    config = get_config()
    text = f"{OLD.key_id} {encode_base64(OLD.verify_key)} 12345"
    federation = msgspec.structs.replace(config.federation, old_signing_keys=(text,))
    with use_config(msgspec.structs.replace(config, federation=federation)):
        yield


@pytest.mark.usefixtures("with_old_key")
def test_keys_of_former_times_are_published_with_their_end() -> None:
    old = send("GET", "/_matrix/key/v2/server").body["old_verify_keys"]
    assert old == {OLD.key_id: {"key": encode_base64(OLD.verify_key), "expired_ts": 12345}}


def test_a_notary_adds_its_signature_to_what_the_server_signed(servers: KeyServers, ring: KeyRing) -> None:
    server, other_notary = RemoteServer("a.example"), RemoteServer("n.example")
    servers.published["a.example"] = server.keys(notaries=(other_notary,))
    (answer,) = asked_keys({"a.example": Criteria({}, now_ms())}, ring)
    read_server_keys(answer)
    check_own_signature(answer)
    assert set(answer["signatures"]) == {"a.example", SERVER_NAME}


def test_a_notary_does_not_ask_again_within_half_the_life_of_an_answer(
    servers: KeyServers, ring: KeyRing
) -> None:
    server = RemoteServer("a.example")
    servers.published["a.example"] = server.keys(valid_until=now_ms() + HOUR)
    wanted = {"a.example": Criteria({server.key.key_id: now_ms()}, 0)}
    for _ in range(3):
        assert len(asked_keys(wanted, ring)) == 1
    assert servers.direct_requests == ["a.example"]
    asked_keys({"a.example": Criteria({server.key.key_id: now_ms() + 2 * HOUR}, 0)}, ring)
    assert len(servers.direct_requests) == 2


def test_a_notary_does_not_ask_for_the_present_who_wants_to_know_of_the_past(
    servers: KeyServers, ring: KeyRing
) -> None:
    server = RemoteServer("a.example")
    past = now_ms() - 24 * HOUR
    servers.published["a.example"] = server.keys(valid_until=past)
    wanted = {"a.example": Criteria({server.key.key_id: past}, past)}
    for _ in range(3):
        (answer,) = asked_keys(wanted, ring)
        assert answer["valid_until_ts"] == past
    assert servers.direct_requests == ["a.example"]


def test_a_notary_gives_what_it_has_of_a_server_that_is_gone(servers: KeyServers, ring: KeyRing) -> None:
    server = RemoteServer("a.example")
    servers.published["a.example"] = server.keys(valid_until=now_ms() - HOUR)
    wanted = {"a.example": Criteria({server.key.key_id: now_ms()}, 0)}
    asked_keys(wanted, ring)
    servers.published.clear()
    (answer,) = asked_keys(wanted, ring)
    assert server.key.key_id in answer["verify_keys"]
    assert len(servers.direct_requests) == 2


def test_a_notary_does_not_forget_a_key_that_its_server_no_longer_lists(
    servers: KeyServers, ring: KeyRing
) -> None:
    first, second = RemoteServer("a.example"), RemoteServer("a.example")
    servers.published["a.example"] = first.keys()
    asked_keys({"a.example": Criteria({first.key.key_id: 0}, 0)}, ring)
    servers.published["a.example"] = second.keys()
    asked_keys({"a.example": Criteria({first.key.key_id: now_ms() + 2 * HOUR}, 0)}, ring)
    (answer,) = asked_keys({"a.example": Criteria({first.key.key_id: 0}, 0)}, ring)
    assert first.key.key_id in answer["verify_keys"]
    both = asked_keys({"a.example": Criteria({}, 0)}, ring)
    assert {key_id for item in both for key_id in item["verify_keys"]} == {
        first.key.key_id,
        second.key.key_id,
    }


def test_a_notary_has_nothing_of_a_server_that_it_cannot_reach(ring: KeyRing) -> None:
    assert asked_keys({"gone.example": Criteria({}, 0)}, ring) == []


def test_a_notary_does_not_ask_too_many_servers(ring: KeyRing) -> None:
    with pytest.raises(TooLarge):
        asked_keys({f"s{n}.example": Criteria({}, 0) for n in range(MOST_SERVERS + 1)}, ring)


def post(body: dict[str, Any]) -> Answer:
    return send("POST", "/_matrix/key/v2/query", body)


def test_keys_are_queried_one_server_at_a_time_or_many() -> None:
    server = RemoteServer("known.example")
    server.introduce()
    (one,) = send("GET", "/_matrix/key/v2/query/known.example?minimum_valid_until_ts=5").body["server_keys"]
    assert one["server_name"] == "known.example"
    check_own_signature(one)
    answers = post({"server_keys": {"known.example": {server.key.key_id: {}}, SERVER_NAME: {}}}).body
    assert {item["server_name"] for item in answers["server_keys"]} == {"known.example", SERVER_NAME}
    assert post({"server_keys": {}}).body == {"server_keys": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"server_keys": []},
        {"server_keys": {"not a name": {}}},
        {"server_keys": {"a.example": []}},
        {"server_keys": {"a.example": {"ed25519:a": {"minimum_valid_until_ts": "x"}}}},
    ],
)
def test_queries_that_make_no_sense_are_refused(body: dict[str, Any]) -> None:
    assert post(body).status == 400


def test_a_query_for_what_is_no_server_name_is_refused() -> None:
    assert send("GET", "/_matrix/key/v2/query/not%20a%20name").status == 400


def test_the_version_is_public() -> None:
    server = send("GET", "/_matrix/federation/v1/version").body["server"]
    assert server["name"] == "Hearth"
    assert server["version"]
