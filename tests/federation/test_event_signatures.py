"""Verifying the signatures of events and of JSON objects."""

from __future__ import annotations

import pytest

from matrix_app.federation.key_ring import KeyRing
from matrix_app.federation.keys import verify_event_signatures, verify_json_of
from matrix_app.protocol.errors import InvalidSignature
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import V1, V4, V5, V8, V12, RoomVersion
from matrix_app.protocol.server_keys import PublishedKey
from matrix_app.protocol.signing import SigningKey, add_event_signature, sign_json
from matrix_app.protocol.unpadded_base64 import encode_base64
from tests.factories.servers import HOUR, RemoteServer, now_ms
from tests.factories.signed_events import KEY, SERVER, make_signed_event
from tests.federation.fakes import KeyServers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_loop")]

MADE_AT = 1_700_000_000_000  # as in `make_signed_event`


@pytest.fixture
def servers() -> KeyServers:
    """`SERVER` publishes its key."""
    made = KeyServers()
    made.published[SERVER] = RemoteServer(SERVER, KEY).keys()
    return made


@pytest.fixture
def ring(servers: KeyServers) -> KeyRing:
    return KeyRing(servers, [])


async def test_each_event_has_its_own_verdict(servers: KeyServers, ring: KeyRing) -> None:
    good = make_signed_event(V12)
    changed = Event({**good.pdu, "depth": 8}, good.event_id, V12)
    unsigned = Event({**good.pdu, "signatures": {}}, good.event_id, V12)
    by_other = Event({**good.pdu, "signatures": {"b.example": {"ed25519:x": "AAAA"}}}, good.event_id, V12)
    events = [good, changed, unsigned, by_other, good] * 50
    faults = await verify_event_signatures(events, ring)
    assert [fault is None for fault in faults] == [True, False, False, False, True] * 50
    assert {type(fault) for fault in faults} == {type(None), InvalidSignature}
    assert servers.direct_requests == [SERVER]


async def test_what_was_found_right_is_not_verified_again(servers: KeyServers, ring: KeyRing) -> None:
    event = make_signed_event(V12)
    assert await verify_event_signatures([event], ring) == [None]
    assert event.is_verified
    event.pdu["signatures"][SERVER] = {}
    assert await verify_event_signatures([event], ring) == [None]
    again = Event(event.pdu, event.event_id, V12)
    (fault,) = await verify_event_signatures([again], ring)
    assert isinstance(fault, InvalidSignature)
    assert not again.is_verified


async def test_an_event_by_a_server_whose_keys_cannot_be_had_is_refused(ring: KeyRing) -> None:
    event = make_signed_event(V12, sender="@u:gone.example")
    event.pdu["signatures"]["gone.example"] = event.pdu["signatures"][SERVER]
    (fault,) = await verify_event_signatures([event], ring)
    assert isinstance(fault, InvalidSignature)


@pytest.mark.parametrize(("rules", "accepted"), [(V4, True), (V5, False), (V12, False)])
async def test_since_version_5_a_key_must_have_been_valid_when_the_event_was_made(
    servers: KeyServers, ring: KeyRing, rules: RoomVersion, accepted: bool
) -> None:
    servers.published[SERVER] = RemoteServer(SERVER, KEY).keys(valid_until=MADE_AT - HOUR)
    (fault,) = await verify_event_signatures([make_signed_event(rules)], ring)
    assert (fault is None) is accepted


async def test_one_key_may_be_good_for_one_event_and_not_for_another(
    servers: KeyServers, ring: KeyRing
) -> None:
    end = now_ms() - HOUR
    servers.published[SERVER] = RemoteServer(SERVER, KEY).keys(valid_until=end)
    events = [make_signed_event(V12, origin_server_ts=end + offset) for offset in (0, 1)]
    faults = await verify_event_signatures(events, ring)
    assert [fault is None for fault in faults] == [True, False]


async def test_in_old_versions_the_server_in_the_event_id_must_have_signed_too(
    servers: KeyServers, ring: KeyRing
) -> None:
    other = RemoteServer("b.example")
    servers.published["b.example"] = other.keys()
    event = make_signed_event(V1)
    moved = Event({**event.pdu, "event_id": "$x:b.example"}, "$x:b.example", V1)
    by_sender = Event(add_event_signature(moved.pdu, V1, SERVER, KEY), moved.event_id, V1)
    by_both = Event(add_event_signature(by_sender.pdu, V1, other.name, other.key), moved.event_id, V1)
    faults = await verify_event_signatures([by_sender, by_both], ring)
    assert [fault is None for fault in faults] == [False, True]


async def test_what_a_server_signs_as_policy_server_is_not_held_to_the_keys_that_it_publishes(
    servers: KeyServers, ring: KeyRing
) -> None:
    known_to_the_room, published = (SigningKey("policy_server", bytes([number]) * 32) for number in (2, 3))
    other = PublishedKey(published.key_id, published.verify_key, now_ms())
    servers.published[SERVER] = RemoteServer(SERVER, KEY).keys(old=(other,))
    event = make_signed_event(V12)
    pdu = add_event_signature(event.pdu, V12, SERVER, known_to_the_room)
    assert await verify_event_signatures([Event(pdu, event.event_id, V12)], ring) == [None]
    # Nor does it stand for a signature as a homeserver.
    del pdu["signatures"][SERVER][KEY.key_id]
    (fault,) = await verify_event_signatures([Event(pdu, event.event_id, V12)], ring)
    assert isinstance(fault, InvalidSignature)


async def test_the_server_that_lets_a_user_into_a_restricted_room_must_have_signed_too(ring: KeyRing) -> None:
    content = {"membership": "join", "join_authorised_via_users_server": "@u:gone.example"}
    event = make_signed_event(V8, type="m.room.member", state_key=f"@alice:{SERVER}", content=content)
    (fault,) = await verify_event_signatures([event], ring)
    assert isinstance(fault, InvalidSignature)


@pytest.mark.parametrize("membership", ["leave", "invite", "knock"])
async def test_another_membership_without_that_signature_is_to_be_rejected(
    servers: KeyServers, ring: KeyRing, membership: str
) -> None:
    other = SigningKey("other", b"\x0a" * 32)
    servers.published["b.example"] = RemoteServer("b.example", other).keys()
    content = {"membership": membership, "join_authorised_via_users_server": "@u:b.example"}
    event = make_signed_event(V12, type="m.room.member", state_key=f"@alice:{SERVER}", content=content)
    by_both = Event(add_event_signature(event.pdu, V12, "b.example", other), event.event_id, V12)
    wrong = {**event.pdu["signatures"], "b.example": {other.key_id: other.sign(b"something else")}}
    forged = Event({**event.pdu, "signatures": wrong}, event.event_id, V12)
    assert await verify_event_signatures([event, by_both, forged], ring) == [None] * 3
    assert [found.is_unauthorised for found in (event, by_both, forged)] == [True, False, True]


async def test_one_right_signature_of_a_server_is_enough(ring: KeyRing) -> None:
    event = make_signed_event(V12)
    event.pdu["signatures"][SERVER] = {"ed25519:unknown": "AAAA", **event.pdu["signatures"][SERVER]}
    assert await verify_event_signatures([event], ring) == [None]


async def test_many_signatures_by_unknown_keys_do_not_hide_the_right_one(ring: KeyRing) -> None:
    await verify_event_signatures([make_signed_event(V12)], ring)
    event = make_signed_event(V12)
    others = {f"ed25519:{number}": "AAAA" for number in range(50)}
    event.pdu["signatures"][SERVER] = {**others, **event.pdu["signatures"][SERVER]}
    assert await verify_event_signatures([event], ring) == [None]


async def test_a_wrong_signature_by_a_known_key_spoils_the_right_one_beside_it(
    servers: KeyServers, ring: KeyRing
) -> None:
    second = SigningKey("second", b"\x09" * 32)
    published = RemoteServer(SERVER, KEY).keys()
    published["verify_keys"][second.key_id] = {"key": encode_base64(second.verify_key)}
    servers.published[SERVER] = sign_json({**published, "signatures": {}}, SERVER, KEY)
    event = make_signed_event(V12)
    by_both = Event(add_event_signature(event.pdu, V12, SERVER, second), event.event_id, V12)
    wrong = {**event.pdu["signatures"][SERVER], second.key_id: second.sign(b"something else")}
    spoilt = Event({**event.pdu, "signatures": {SERVER: wrong}}, event.event_id, V12)
    faults = await verify_event_signatures([by_both, spoilt], ring)
    assert [fault is None for fault in faults] == [True, False]


async def test_an_object_needs_a_signature_by_a_key_that_is_valid(ring: KeyRing) -> None:
    good = sign_json({"a": 1}, SERVER, KEY)
    await verify_json_of(SERVER, good, ring=ring)
    forged = sign_json({"a": 1}, SERVER, SigningKey(KEY.version, b"\x08" * 32))
    for bad in ({"a": 1}, {**good, "a": 2}, forged):
        with pytest.raises(InvalidSignature):
            await verify_json_of(SERVER, bad, ring=ring)
    with pytest.raises(InvalidSignature):
        await verify_json_of("b.example", good, ring=ring)
    with pytest.raises(InvalidSignature):
        await verify_json_of(SERVER, good, valid_at=now_ms() + 2 * HOUR, ring=ring)
