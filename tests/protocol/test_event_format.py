"""The format of PDUs in each room version, and events that Hearth makes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.canonical_json import MAX_INTEGER, encode_canonical
from matrix_app.protocol.errors import BadJson, InvalidParam, MatrixError, TooLarge
from matrix_app.protocol.event_format import (
    EventReference,
    build_pdu,
    check_pdu_format,
    encode_event,
    finish_event,
    new_event_id,
    received_event,
    reference_to,
)
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import check_content_hash, content_hash, event_id_of, reference_hash
from matrix_app.protocol.redaction import redact
from matrix_app.protocol.room_versions import ROOM_VERSIONS, V1, V2, V3, V5, V6, V10, V11, V12, RoomVersion
from matrix_app.protocol.signing import signed_bytes, verify_event
from matrix_app.protocol.unpadded_base64 import encode_base64
from tests.factories.signed_events import HASH_ID, KEY, SENDER, SERVER, make_signed_event

versions = pytest.mark.parametrize("rules", ROOM_VERSIONS.values(), ids=lambda rules: rules.identifier)
REQUIRED = [
    "sender",
    "origin_server_ts",
    "type",
    "content",
    "depth",
    "hashes",
    "signatures",
    "prev_events",
    "auth_events",
    "room_id",
]


def make_pdu(rules: RoomVersion, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(make_signed_event(rules).pdu), **changes}


def make_create(rules: RoomVersion, **changes: Any) -> Event:
    fields: dict[str, Any] = {"content": {"room_version": rules.identifier, "creator": SENDER}}
    if rules.room_id_is_create_hash:
        fields["room_id"] = None
    return make_signed_event(rules, type="m.room.create", state_key="", depth=1, **{**fields, **changes})


@versions
def test_a_created_event_is_hashed_signed_and_valid(rules: RoomVersion) -> None:
    create = make_create(rules)
    event = make_signed_event(rules, room_id=create.room_id, prev_events=[create], auth_events=[create])
    for made in (create, event):
        check_pdu_format(made.pdu, rules)
        assert check_content_hash(made.pdu)
        verify_event(made.pdu, rules, SERVER, KEY.key_id, KEY.verify_key)
        assert made.event_id == event_id_of(made.pdu, rules)
    assert event.prev_event_ids == event.auth_event_ids == [create.event_id]
    assert event.room_id == create.room_id


def test_a_version_12_room_id_is_the_hash_of_a_create_event_that_has_none() -> None:
    create = make_create(V12, room_id="!ignored:a.example")
    assert "room_id" not in create.pdu
    assert create.room_id == "!" + create.event_id[1:]


def test_versions_1_and_2_refer_to_events_with_their_reference_hashes() -> None:
    for rules in (V1, V2):
        create = make_create(rules)
        digest = encode_base64(reference_hash(create.pdu, rules))
        assert reference_to(create) == EventReference(create.event_id, digest)
        for reference in (create, reference_to(create)):
            event = make_signed_event(rules, prev_events=[reference])
            assert event.pdu["prev_events"] == [[create.event_id, {"sha256": digest}]]
        with pytest.raises(InvalidParam):
            make_signed_event(rules, prev_events=[create.event_id])


def test_later_versions_refer_to_events_by_id() -> None:
    create = make_create(V3)
    assert reference_to(create) == EventReference(create.event_id)
    event = make_signed_event(V3, prev_events=[create, create.event_id, reference_to(create)])
    assert event.pdu["prev_events"] == [create.event_id] * 3


def test_redacts_is_where_the_version_keeps_it() -> None:
    old = make_signed_event(V10, type="m.room.redaction", content={"reason": "x"}, redacts="$x")
    assert (old.pdu["redacts"], old.content) == ("$x", {"reason": "x"})
    new = make_signed_event(V11, type="m.room.redaction", content={"reason": "x"}, redacts="$x")
    assert "redacts" not in new.pdu
    assert new.content == {"reason": "x", "redacts": "$x"}
    assert old.redacts == new.redacts == "$x"


def test_depth_stays_at_its_limit() -> None:
    assert make_signed_event(V6, depth=MAX_INTEGER + 1).depth == MAX_INTEGER
    assert make_signed_event(V5, depth=2**63).depth == 2**63 - 1


def test_state_key_is_absent_from_messages_and_may_be_empty() -> None:
    assert "state_key" not in make_signed_event(V12).pdu
    assert make_signed_event(V12, state_key="").pdu["state_key"] == ""


def test_fresh_event_ids_differ_and_belong_to_the_sender_s_server() -> None:
    first, second = new_event_id("@a:a.example:80"), new_event_id("@a:a.example:80")
    assert first != second
    assert first.endswith(":a.example:80")


def test_a_template_of_another_server_becomes_an_event_of_this_one() -> None:
    template = build_pdu(
        rules=V12,
        room_id=f"!{HASH_ID}",
        sender=SENDER,
        type="m.room.member",
        content={"membership": "join"},
        prev_events=[f"${HASH_ID}"],
        auth_events=[],
        depth=3,
        origin_server_ts=1,
        state_key=SENDER,
    )
    template |= {"signatures": {"b.example": {"ed25519:x": "y"}}, "unsigned": {"a": 1}, "hashes": {"md5": ""}}
    event = finish_event(template, rules=V12, key=KEY, server_name=SERVER)
    assert list(event.pdu["signatures"]) == [SERVER]
    assert "unsigned" not in event.pdu
    assert list(event.pdu["hashes"]) == ["sha256"]


@given(st.dictionaries(st.sampled_from([*REQUIRED, "x"]), st.one_of(st.none(), st.integers(), st.text())))
def test_a_malformed_template_is_refused(template: dict[str, Any]) -> None:
    with pytest.raises(MatrixError):
        finish_event(template, rules=V12, key=KEY, server_name=SERVER)


@versions
@pytest.mark.parametrize("name", REQUIRED)
def test_every_required_field_is_required_and_has_its_type(rules: RoomVersion, name: str) -> None:
    pdu = make_pdu(rules)
    check_pdu_format(pdu, rules)
    wrong_types = [
        wrong for wrong in (None, True, 1.0, ["x"], {"x": 1}, "x") if type(wrong) is not type(pdu[name])
    ]
    for wrong in wrong_types:
        with pytest.raises((BadJson, InvalidParam)):
            check_pdu_format({**pdu, name: wrong}, rules)
    del pdu[name]
    with pytest.raises(BadJson):
        check_pdu_format(pdu, rules)


@pytest.mark.parametrize("pdu", [None, [], "x", 1])
def test_an_event_is_an_object(pdu: Any) -> None:
    with pytest.raises(BadJson):
        check_pdu_format(pdu, V12)


@pytest.mark.parametrize(
    "changes",
    [
        {"state_key": None},
        {"state_key": 1},
        {"unsigned": None},
        {"unsigned": []},
        {"hashes": {}},
        {"hashes": {"sha256": 1}},
        {"signatures": {"s": []}},
        {"signatures": {"s": {"k": 1}}},
        {"depth": -1},
        {"depth": MAX_INTEGER + 1},
        {"depth": True},
        {"origin_server_ts": 2**63},
        {"origin_server_ts": 1.5},
        {"sender": "alice"},
        {"sender": "@al\0ice:a.example"},
        {"sender": "@alice:a..example"},
        {"type": "a\0b"},
        {"state_key": "a\0b"},
        {"type": "\ud800"},
        {"room_id": "room"},
        {"content": {"a": 1.5}},
        {"content": {"a": 2**53}},
        {"x": 1.5},
        {"prev_events": [1]},
        {"prev_events": ["x"]},
        {"prev_events": [["$a", {"sha256": "x"}]]},
        {"prev_events": ["$" + HASH_ID] * 21},
        {"auth_events": ["$" + HASH_ID] * 11},
    ],
    ids=str,
)
def test_malformed_events_are_refused(changes: dict[str, Any]) -> None:
    for rules in (V6, V11, V12):
        with pytest.raises((BadJson, InvalidParam)):
            check_pdu_format(make_pdu(rules, **changes), rules)


def test_as_many_references_as_the_limits_allow_are_accepted() -> None:
    ids = ["$" + HASH_ID]
    check_pdu_format(make_pdu(V12, prev_events=ids * 20, auth_events=ids * 10), V12)


@pytest.mark.parametrize(
    "changes",
    [
        {"event_id": None},
        {"event_id": "$nodomain"},
        {"event_id": 5},
        {"prev_events": ["$a:a.example"]},
        {"prev_events": [["$a:a.example"]]},
        {"prev_events": [["$a:a.example", "hash"]]},
        {"prev_events": [["$a", {"sha256": "x"}]]},
        {"auth_events": [[5, {"sha256": "x"}]]},
    ],
    ids=str,
)
def test_versions_1_and_2_want_event_ids_with_domains_and_references_with_hashes(changes: Any) -> None:
    for rules in (V1, V2):
        check_pdu_format(make_pdu(rules, prev_events=[["$a:a.example", {"sha256": "x"}]]), rules)
        with pytest.raises((BadJson, InvalidParam)):
            check_pdu_format(make_pdu(rules, **changes), rules)


def test_room_ids_have_a_domain_until_version_11_and_none_since() -> None:
    with pytest.raises(BadJson):
        check_pdu_format(make_pdu(V11, room_id="!" + HASH_ID), V11)
    with pytest.raises(BadJson):
        check_pdu_format(make_pdu(V12, room_id="!room:a.example"), V12)
    with pytest.raises(InvalidParam):
        check_pdu_format(make_pdu(V12, room_id="!short"), V12)


def test_a_version_12_create_event_must_not_name_a_room() -> None:
    create = make_create(V12).pdu
    check_pdu_format(create, V12)
    with pytest.raises(BadJson):
        check_pdu_format({**create, "room_id": "!" + HASH_ID}, V12)


def test_redacts_is_a_string_where_the_version_knows_it() -> None:
    with pytest.raises(BadJson):
        check_pdu_format(make_pdu(V10, redacts=5), V10)
    check_pdu_format(make_pdu(V11, redacts=5), V11)


def test_floats_and_large_integers_are_tolerated_until_version_5() -> None:
    content = {"float": 1.5, "large": 2**60}
    event = make_signed_event(V5, content=content)
    check_pdu_format(event.pdu, V5)
    check_pdu_format(make_pdu(V5, depth=2**63 - 1), V5)
    with pytest.raises(BadJson):
        check_pdu_format(make_pdu(V5, depth=2**63), V5)
    with pytest.raises(BadJson):
        make_signed_event(V6, content=content)


@pytest.mark.parametrize("name", ["type", "state_key"])
def test_type_and_state_key_have_at_most_255_bytes(name: str) -> None:
    for longest in ("a" * 255, "ä" * 127 + "a"):
        check_pdu_format(make_pdu(V12, **{name: longest}), V12)
    for too_long in ("a" * 256, "ä" * 128):
        with pytest.raises(TooLarge):
            check_pdu_format(make_pdu(V12, **{name: too_long}), V12)


@pytest.mark.parametrize("name", ["type", "state_key"])
def test_events_of_others_may_have_255_characters_up_to_version_10(name: str) -> None:
    check_pdu_format(make_pdu(V10, **{name: "💥" * 255}), V10)
    with pytest.raises(TooLarge):
        check_pdu_format(make_pdu(V10, **{name: "💥" * 256}), V10)
    with pytest.raises(TooLarge):
        check_pdu_format(make_pdu(V11, **{name: "💥" * 70}), V11)
    with pytest.raises(TooLarge):
        make_signed_event(V10, **{name: "💥" * 70})


def test_identifiers_have_at_most_255_bytes() -> None:
    for changes in ({"sender": "@" + "a" * 250 + ":e.org"}, {"room_id": "!" + "ä" * 126 + ":e.org"}):
        with pytest.raises(InvalidParam):
            check_pdu_format(make_pdu(V11, **changes), V11)


def test_an_event_has_at_most_65536_bytes_with_its_signatures() -> None:
    empty = len(encode_canonical(make_signed_event(V12, content={"body": ""}).pdu))
    largest = make_signed_event(V12, content={"body": "x" * (65536 - empty)})
    assert len(encode_canonical(largest.pdu)) == 65536
    with pytest.raises(TooLarge):
        make_signed_event(V12, content={"body": "x" * (65537 - empty)})
    with pytest.raises(TooLarge):
        check_pdu_format({**largest.pdu, "unsigned": {}}, V12)


@given(
    st.sampled_from(list(ROOM_VERSIONS.values())),
    st.dictionaries(
        st.sampled_from([*REQUIRED, "state_key", "unsigned", "redacts", "event_id"]),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
            lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
            max_leaves=5,
        ),
    ),
)
def test_whatever_comes_is_refused_or_makes_an_event(rules: RoomVersion, changes: dict[str, Any]) -> None:
    pdu = make_pdu(rules, **changes)
    try:
        check_pdu_format(pdu, rules)
    except MatrixError:
        return
    event = received_event(pdu, rules)
    assert event.event_id == event_id_of(pdu, rules)
    assert event.signed == signed_bytes(redact(pdu, rules))
    assert encode_event(event) == encode_canonical(pdu, lenient=True)
    strict = rules.strict_canonical_json
    assert content_hash(pdu, checked=strict) == content_hash(pdu)
    assert isinstance(event.room_id, str)
    assert all(isinstance(event_id, str) for event_id in event.prev_event_ids)
