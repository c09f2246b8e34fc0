"""What servers publish about their keys: read, verified, written."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.protocol.errors import BadJson, InvalidParam, InvalidSignature
from matrix_app.protocol.server_keys import (
    PublishedKey,
    parse_old_key,
    publish,
    read_server_keys,
)
from matrix_app.protocol.signing import SigningKey, sign_json
from matrix_app.protocol.unpadded_base64 import encode_base64

KEY = SigningKey("now", b"\x01" * 32)
OTHER = SigningKey("other", b"\x02" * 32)
OLD = PublishedKey("ed25519:old", SigningKey("old", b"\x03" * 32).verify_key, 1_000)
NAME = "a.example"


def signed(*keys: SigningKey, **changes: Any) -> dict[str, Any]:
    """An answer with changes, signed by keys afterwards."""
    answer = {**publish(NAME, KEY, (OLD,), 5_000), "signatures": {}, **changes}
    for key in keys:
        answer = sign_json(answer, NAME, key)
    return answer


def test_what_is_published_is_read_with_old_keys() -> None:
    read = read_server_keys(publish(NAME, KEY, (OLD,), 5_000))
    assert (read.server_name, read.valid_until_ts) == (NAME, 5_000)
    assert read.keys == (OLD, PublishedKey(KEY.key_id, KEY.verify_key, None))


def test_an_answer_that_none_of_its_keys_signed_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        read_server_keys(signed())
    with pytest.raises(InvalidSignature):
        read_server_keys(signed(OTHER))


def test_an_answer_that_was_changed_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        read_server_keys({**signed(KEY), "valid_until_ts": 9_999})


def test_an_old_key_cannot_vouch_for_an_answer() -> None:
    old = SigningKey("old", b"\x03" * 32)
    with pytest.raises(InvalidSignature):
        read_server_keys(signed(old))


def test_one_wrong_signature_spoils_an_answer() -> None:
    both = {
        KEY.key_id: {"key": encode_base64(KEY.verify_key)},
        OTHER.key_id: {"key": encode_base64(OTHER.verify_key)},
    }
    answer = signed(KEY, OTHER, verify_keys=both)
    assert len(read_server_keys(answer).keys) == 3
    answer["signatures"][NAME][OTHER.key_id] = answer["signatures"][NAME][KEY.key_id]
    with pytest.raises(InvalidSignature):
        read_server_keys(answer)


def test_a_key_that_is_old_and_present_counts_as_present() -> None:
    old = {KEY.key_id: {"key": encode_base64(KEY.verify_key), "expired_ts": 1}}
    assert read_server_keys(signed(KEY, old_verify_keys=old)).keys == (
        PublishedKey(KEY.key_id, KEY.verify_key, None),
    )


def test_keys_that_make_no_sense_are_left_out() -> None:
    odd = {
        "curve25519:x": {"key": encode_base64(OTHER.verify_key)},
        "ed25519:short": {"key": "AAAA"},
        "ed25519:no base64": {"key": "***"},
        "ed25519:nul\0": {"key": encode_base64(OTHER.verify_key)},
        "ed25519:text": "text",
        KEY.key_id: {"key": encode_base64(KEY.verify_key)},
    }
    old = {"ed25519:timeless": {"key": encode_base64(OTHER.verify_key)}}
    read = read_server_keys(signed(KEY, verify_keys=odd, old_verify_keys=old))
    assert [key.key_id for key in read.keys] == [KEY.key_id]


@pytest.mark.parametrize(
    "changes",
    [
        {"server_name": 1},
        {"valid_until_ts": "1"},
        {"valid_until_ts": True},
        {"valid_until_ts": 2**60},
        {"verify_keys": []},
        {"verify_keys": {f"ed25519:{n}": {} for n in range(101)}},
        {"old_verify_keys": 1},
    ],
)
def test_what_is_no_answer_about_keys_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadJson):
        read_server_keys({**publish(NAME, KEY, (), 5_000), **changes})


def test_old_keys_of_the_configuration_are_read() -> None:
    text = f"ed25519:old {encode_base64(OLD.verify_key)} 1000"
    assert parse_old_key(text) == OLD


@pytest.mark.parametrize(
    "text", ["", "ed25519:a AAAA 1", "rsa:a " + "A" * 43 + " 1", "ed25519:a " + "A" * 43 + " soon"]
)
def test_old_keys_written_otherwise_are_refused(text: str) -> None:
    with pytest.raises(InvalidParam):
        parse_old_key(text)
