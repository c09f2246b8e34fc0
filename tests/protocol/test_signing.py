"""Signatures, against the vectors of the specification and against signedjson."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import signedjson.key
import signedjson.sign
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.errors import InvalidParam, InvalidSignature
from matrix_app.protocol.events import Event
from matrix_app.protocol.redaction import redact
from matrix_app.protocol.room_versions import ROOM_VERSIONS, V1, V2, V3, V7, V8, V12, RoomVersion
from matrix_app.protocol.signing import (
    SigningKey,
    add_event_signature,
    read_signing_keys,
    server_that_authorised,
    servers_that_must_sign,
    sign_event,
    sign_json,
    signing_key_ids,
    verify_event,
    verify_json,
)
from matrix_app.protocol.unpadded_base64 import decode_base64, encode_base64
from tests.factories.events import make_event
from tests.factories.signed_events import KEY, SERVER, make_signed_event
from tests.protocol.test_canonical_json import lenient_values

VECTOR_KEY = SigningKey("1", decode_base64("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"))
OTHER_KEY = SigningKey("b", b"\x02" * 32)
REFERENCE_KEY = signedjson.key.decode_signing_key_base64("ed25519", KEY.version, encode_base64(KEY.seed))

versions = pytest.mark.parametrize("rules", ROOM_VERSIONS.values(), ids=lambda rules: rules.identifier)


def with_signature(value: dict[str, Any], signature: str) -> dict[str, Any]:
    return {**value, "signatures": {"domain": {"ed25519:1": signature}}}


@pytest.mark.parametrize(
    ("value", "signature"),
    [
        ({}, "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"),
        (
            {"one": 1, "two": "Two"},
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw",
        ),
    ],
)
def test_the_json_vectors_of_the_appendices(value: dict[str, Any], signature: str) -> None:
    assert sign_json(value, "domain", VECTOR_KEY) == with_signature(value, signature)


@pytest.mark.parametrize(
    ("event", "sha256", "signature"),
    [
        (
            {
                "room_id": "!x:domain",
                "sender": "@a:domain",
                "type": "X",
                "content": {},
                "prev_events": [],
                "auth_events": [],
                "depth": 3,
            },
            "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
            "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg",
        ),
        (
            {
                "content": {"body": "Here is the message content"},
                "event_id": "$0:domain",
                "type": "m.room.message",
                "room_id": "!r:domain",
                "sender": "@u:domain",
            },
            "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
            "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA",
        ),
    ],
)
def test_the_event_vectors_of_the_appendices(event: dict[str, Any], sha256: str, signature: str) -> None:
    event |= {"origin": "domain", "origin_server_ts": 1000000, "unsigned": {"age_ts": 1000000}}
    expected = with_signature({**event, "hashes": {"sha256": sha256}}, signature)
    assert sign_event({**event, "signatures": {}}, V1, "domain", VECTOR_KEY) == expected


@given(st.dictionaries(st.text(max_size=3), lenient_values), st.booleans())
def test_json_is_signed_as_signedjson_signs_it(value: dict[str, Any], unsigned: bool) -> None:
    if unsigned:
        value["unsigned"] = {"age": 1}
    value["signatures"] = {"other.example": {"ed25519:x": "y"}, SERVER: {"ed25519:old": "z"}}
    before = copy.deepcopy(value)
    signed = sign_json(value, SERVER, KEY)
    assert value == before
    assert signed == signedjson.sign.sign_json(value, SERVER, REFERENCE_KEY)
    verify_json(signed, SERVER, KEY.key_id, KEY.verify_key)


@versions
def test_events_are_signed_as_signedjson_signs_their_redaction(rules: RoomVersion) -> None:
    pdu = make_signed_event(rules).pdu
    verify_key = signedjson.key.get_verify_key(REFERENCE_KEY)
    signedjson.sign.verify_signed_json(redact(pdu, rules), SERVER, verify_key)
    verify_event(pdu, rules, SERVER, KEY.key_id, KEY.verify_key)
    verify_event(redact(pdu, rules), rules, SERVER, KEY.key_id, KEY.verify_key)


def test_a_second_server_signs_an_event_without_touching_its_hashes() -> None:
    pdu = make_signed_event(V12).pdu
    signed = add_event_signature(pdu, V12, "b.example", OTHER_KEY)
    assert signed["hashes"] == pdu["hashes"]
    verify_event(signed, V12, SERVER, KEY.key_id, KEY.verify_key)
    verify_event(signed, V12, "b.example", OTHER_KEY.key_id, OTHER_KEY.verify_key)


def test_a_changed_object_does_not_verify_but_its_unsigned_part_may_change() -> None:
    signed = sign_json({"a": 1}, SERVER, KEY)
    verify_json({**signed, "unsigned": {"age": 5}}, SERVER, KEY.key_id, KEY.verify_key)
    with pytest.raises(InvalidSignature):
        verify_json({**signed, "a": 2}, SERVER, KEY.key_id, KEY.verify_key)


def test_an_event_verifies_when_only_redactable_content_has_changed() -> None:
    pdu = make_signed_event(V12).pdu
    verify_event({**pdu, "content": {}}, V12, SERVER, KEY.key_id, KEY.verify_key)
    with pytest.raises(InvalidSignature):
        verify_event({**pdu, "depth": 8}, V12, SERVER, KEY.key_id, KEY.verify_key)


def test_a_signature_by_another_key_does_not_verify() -> None:
    signed = sign_json({"a": 1}, SERVER, KEY)
    with pytest.raises(InvalidSignature):
        verify_json(signed, SERVER, KEY.key_id, OTHER_KEY.verify_key)
    with pytest.raises(InvalidSignature):
        verify_json(signed, SERVER, OTHER_KEY.key_id, KEY.verify_key)
    with pytest.raises(InvalidSignature):
        verify_json(signed, "b.example", KEY.key_id, KEY.verify_key)


@pytest.mark.parametrize(
    "signatures",
    [
        None,
        "x",
        {},
        {SERVER: None},
        {SERVER: {}},
        {SERVER: {KEY.key_id: 5}},
        {SERVER: {KEY.key_id: "?"}},
        {SERVER: {KEY.key_id: "AAAA"}},
        {SERVER: {KEY.key_id: "A" * 86}},
    ],
)
def test_malformed_signatures_do_not_verify(signatures: Any) -> None:
    with pytest.raises(InvalidSignature):
        verify_json({"a": 1, "signatures": signatures}, SERVER, KEY.key_id, KEY.verify_key)


def test_a_verify_key_of_the_wrong_length_verifies_nothing() -> None:
    with pytest.raises(InvalidSignature):
        verify_json(sign_json({}, SERVER, KEY), SERVER, KEY.key_id, KEY.verify_key[:-1])


def test_only_keys_of_known_algorithms_are_looked_at() -> None:
    signed = {"signatures": {SERVER: {"ed25519:a": "x", "rsa:b": "y", "ed25519:c": "z"}}}
    assert signing_key_ids(signed, SERVER) == ["ed25519:a", "ed25519:c"]
    assert signing_key_ids(signed, "b.example") == []
    assert signing_key_ids({}, SERVER) == []
    with pytest.raises(InvalidSignature):
        verify_json(signed, SERVER, "rsa:b", KEY.verify_key)


def test_key_files_are_those_of_synapse() -> None:
    key = SigningKey.generate()
    [reference] = signedjson.key.read_signing_keys([key.to_text()])
    assert (reference.alg, reference.version) == ("ed25519", key.version)
    assert bytes(reference.verify_key) == key.verify_key
    [again, second] = read_signing_keys(key.to_text() + "\n" + OTHER_KEY.to_text())
    assert (again.key_id, again.seed) == (key.key_id, key.seed)
    assert second.key_id == OTHER_KEY.key_id


def test_generated_keys_differ_and_have_lawful_ids() -> None:
    keys = [SigningKey.generate() for _ in range(5)]
    assert len({key.seed for key in keys}) == 5
    assert all(key.key_id.startswith("ed25519:a_") and len(key.version) == 6 for key in keys)


def test_a_key_does_not_show_its_seed() -> None:
    assert repr(KEY) == "<SigningKey ed25519:a_test>"


@pytest.mark.parametrize(
    "text", ["", "ed25519 a", "rsa a AAAA", "ed25519 a AAAA", "ed25519 a-b " + "A" * 43, "ed25519 a ???"]
)
def test_malformed_key_lines_are_refused(text: str) -> None:
    with pytest.raises(InvalidParam):
        SigningKey.from_text(text)


def member(rules: RoomVersion, sender: str = "@a:a.example", **content: Any) -> Event:
    return make_event(rules, type="m.room.member", sender=sender, state_key=sender, content=content)


def test_the_servers_of_sender_and_event_id_must_sign() -> None:
    for rules in (V1, V2):
        event = make_event(rules, type="m.room.message", sender="@a:a.example", event_id="$x:b.example")
        assert servers_that_must_sign(event) == {"a.example", "b.example"}
    assert servers_that_must_sign(make_event(V3, type="m.room.message", sender="@a:[::1]:80")) == {"[::1]:80"}


def test_of_a_third_party_invite_the_sender_need_not_sign() -> None:
    assert servers_that_must_sign(member(V12, membership="invite", third_party_invite={})) == set()
    assert servers_that_must_sign(member(V12, membership="join", third_party_invite={})) == {"a.example"}


def test_the_server_that_authorised_a_restricted_join_must_sign_since_version_8() -> None:
    content = {"membership": "join", "join_authorised_via_users_server": "@b:b.example"}
    assert server_that_authorised(member(V7, **content)) is None
    assert server_that_authorised(member(V8, **content)) == "b.example"
    assert servers_that_must_sign(member(V8, **content)) == {"a.example"}
    message = make_event(V8, type="m.room.message", sender="@a:a.example", content=content)
    assert server_that_authorised(message) is None


@pytest.mark.parametrize("authoriser", [None, 5, "b.example", "@b"])
def test_nobody_signs_for_a_malformed_authoriser(authoriser: Any) -> None:
    event = member(V12, membership="join", join_authorised_via_users_server=authoriser)
    assert server_that_authorised(event) is None
