"""Public keys of clients."""

from typing import Any

import orjson
import pytest

from matrix_app.protocol.encryption_keys import (
    KeyName,
    load_cross_signing_key,
    parse_cross_signing_key,
    parse_device_keys,
    parse_key_name,
    parse_one_time_keys,
    same_but_for_signatures,
)
from matrix_app.protocol.errors import BadJson, InvalidParam

ALICE = "@alice:example.org"
PUBLIC = "nqOvzeuGWT/sRx3h7+MHoInYj3Uk2LD/unI9kDYcHwk"


def test_the_name_of_a_key_is_an_algorithm_and_an_id() -> None:
    assert parse_key_name("signed_curve25519:AAAAHg") == KeyName("signed_curve25519", "AAAAHg")
    assert parse_key_name("a:b:c") == KeyName("a", "b:c")
    assert str(parse_key_name("a:b:c")) == "a:b:c"


@pytest.mark.parametrize("name", ["", ":", "a", "a:", ":b", "a:\0", "a:" + "\u00e9" * 128])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidParam):
        parse_key_name(name)


def test_device_keys_are_kept_as_they_are_signed() -> None:
    keys = {
        "user_id": ALICE,
        "device_id": "D",
        "algorithms": ["m.olm"],
        "keys": {"ed25519:D": "x"},
        "signatures": {ALICE: {"ed25519:D": "s"}},
        "org.example.more": [1, {"a": None}],
    }
    stored = parse_device_keys({**keys, "unsigned": {"device_display_name": "Phone"}}, ALICE, "D")
    assert orjson.loads(stored) == keys


def test_a_one_time_key_is_a_string_or_an_object() -> None:
    signed = {"key": "y", "signatures": {}}
    found = parse_one_time_keys({"curve25519:A": "x", "signed_curve25519:B": signed})
    assert found == {
        KeyName("curve25519", "A"): b'"x"',
        KeyName("signed_curve25519", "B"): orjson.dumps(signed),
    }
    malformed: list[Any] = [None, [], {"key": 1, "signatures": {}}, {"key": "x", "signatures": []}]
    for wrong in malformed:
        with pytest.raises(BadJson):
            parse_one_time_keys({"a:b": wrong})


def test_a_cross_signing_key_is_named_after_itself() -> None:
    key = {"user_id": ALICE, "usage": ["master"], "keys": {f"ed25519:{PUBLIC}": PUBLIC}}
    found = parse_cross_signing_key({**key, "unsigned": {}}, ALICE, "master")
    assert (found.public_key, found.key_id, found.content) == (PUBLIC, f"ed25519:{PUBLIC}", key)
    assert load_cross_signing_key(orjson.dumps(key)) == found
    with pytest.raises(InvalidParam):
        parse_cross_signing_key(key, ALICE, "self_signing")


def test_signatures_make_no_difference_between_keys() -> None:
    key = {"keys": {"a:b": "c"}, "signatures": {ALICE: {}}, "unsigned": {"age": 1}}
    assert same_but_for_signatures(key, {"keys": {"a:b": "c"}})
    assert not same_but_for_signatures(key, {"keys": {"a:b": "d"}})
    assert same_but_for_signatures("x", "x")
    assert not same_but_for_signatures("x", {"key": "x"})
