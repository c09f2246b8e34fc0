"""Content hashes, reference hashes and event IDs."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from canonicaljson import encode_canonical_json
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.hashes import (
    add_content_hash,
    check_content_hash,
    content_hash,
    event_id_of,
    reference_hash,
)
from matrix_app.protocol.redaction import redact
from matrix_app.protocol.room_versions import ROOM_VERSIONS, V1, V2, V3, V4, V12, RoomVersion
from matrix_app.protocol.unpadded_base64 import encode_base64, encode_base64_urlsafe
from tests.factories.signed_events import make_signed_event
from tests.protocol.test_canonical_json import lenient_values

versions = pytest.mark.parametrize("rules", ROOM_VERSIONS.values(), ids=lambda rules: rules.identifier)


@given(st.dictionaries(st.text("abc", min_size=1), lenient_values))
def test_the_content_hash_covers_all_but_hashes_signatures_and_unsigned(pdu: dict[str, Any]) -> None:
    digest = hashlib.sha256(encode_canonical_json(pdu)).digest()
    assert content_hash({**pdu, "hashes": {"sha256": "x"}, "signatures": {"s": {}}, "unsigned": {}}) == digest
    assert check_content_hash(add_content_hash(pdu))
    assert not check_content_hash({**add_content_hash(pdu), "d": 1})


@versions
def test_the_reference_hash_covers_what_redaction_leaves(rules: RoomVersion) -> None:
    pdu = make_signed_event(rules).pdu
    essential = redact(pdu, rules)
    del essential["signatures"]
    assert reference_hash(pdu, rules) == hashlib.sha256(encode_canonical_json(essential)).digest()


@versions
def test_redaction_changes_neither_event_id_nor_reference_hash(rules: RoomVersion) -> None:
    pdu = make_signed_event(rules).pdu
    redacted = redact(pdu, rules)
    assert event_id_of(pdu, rules) == event_id_of(redacted, rules)
    assert reference_hash({**pdu, "signatures": {}, "unsigned": {"age": 1}}, rules) == reference_hash(
        redacted, rules
    )
    assert not check_content_hash(redacted)


def test_event_ids_are_given_until_version_2_and_reference_hashes_since() -> None:
    for rules in (V1, V2):
        pdu = make_signed_event(rules).pdu
        assert event_id_of(pdu, rules) == pdu["event_id"]
        assert re.fullmatch(r"\$[\w-]+:a\.example", pdu["event_id"])
    pdu = make_signed_event(V3).pdu
    assert event_id_of(pdu, V3) == "$" + encode_base64(reference_hash(pdu, V3))
    for rules in (V4, V12):
        pdu = make_signed_event(rules).pdu
        assert event_id_of(pdu, rules) == "$" + encode_base64_urlsafe(reference_hash(pdu, rules))


def test_padding_of_a_hash_does_not_matter() -> None:
    pdu = add_content_hash({"a": 1})
    assert check_content_hash({**pdu, "hashes": {"sha256": pdu["hashes"]["sha256"] + "="}})


@pytest.mark.parametrize("hashes", [None, [], {}, {"sha256": None}, {"sha256": "???"}, {"sha256": ""}])
def test_a_missing_or_malformed_hash_is_a_wrong_hash(hashes: Any) -> None:
    assert not check_content_hash({"a": 1, "hashes": hashes})
