"""Canonical JSON against the examples of the specification and against canonicaljson."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pytest
from canonicaljson import encode_canonical_json
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.canonical_json import (
    MAX_INTEGER,
    check_canonical,
    decode_json,
    encode_canonical,
    encode_decoded,
)
from matrix_app.protocol.errors import BadJson, NotJson

# Where encoders differ: the edges of the surrogates (code points and UTF-16 sort differently there),
# controls, DEL, the line separators of JavaScript, quotes.
_edges = st.sampled_from(
    [*'\x00\x08\t\n\x0b\x0c\r\x1f"\\/\x7f\x80\xa0\u2028\u2029\ufffd\uffff\ue000\ud7ff', "😀", "\U0010ffff"]
)
_texts = st.text(st.one_of(_edges, st.characters(exclude_categories=["Cs"])), max_size=8)
_integers = st.integers(-MAX_INTEGER, MAX_INTEGER)


def _values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_texts, inner, max_size=6)),
        max_leaves=20,
    )


canonical_values = _values(st.one_of(st.none(), st.booleans(), _integers, _texts))
lenient_values = _values(
    st.one_of(st.none(), _texts, st.integers(), st.floats(allow_nan=False, allow_infinity=False))
)


class Colour(StrEnum):
    RED = "red"


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{}", "{}"),
        ('{"one": 1, "two": "Two"}', '{"one":1,"two":"Two"}'),
        ('{"b": "2", "a": "1"}', '{"a":"1","b":"2"}'),
        ('{"a": "日本語"}', '{"a":"日本語"}'),
        ('{"本": 2, "日": 1}', '{"日":1,"本":2}'),
        ('{"a": "\\u65E5"}', '{"a":"日"}'),
        ('{"a": null}', '{"a":null}'),
        ('{"a": -0}', '{"a":0}'),
        ('"\\u0007\\u0008\\u000c\\n\\r\\t\\u001F\\u007f\\/"', '"\\u0007\\b\\f\\n\\r\\t\\u001f\x7f/"'),
    ],
)
def test_the_examples_of_the_appendices(value: str, expected: str) -> None:
    assert encode_canonical(decode_json(value.encode())) == expected.encode()


@given(canonical_values)
def test_canonical_values_are_written_as_canonicaljson_writes_them(value: Any) -> None:
    assert encode_canonical(value) == encode_canonical_json(value)
    assert encode_canonical(value, lenient=True) == encode_canonical_json(value)
    assert decode_json(encode_canonical(value)) == value


@given(lenient_values)
def test_lenient_mode_writes_floats_and_large_integers_as_canonicaljson_does(value: Any) -> None:
    assert encode_canonical(value, lenient=True) == encode_canonical_json(value)


@given(lenient_values)
def test_what_is_read_is_what_the_standard_library_reads(value: Any) -> None:
    text = json.dumps(value)
    read = decode_json(text.encode())
    assert read == json.loads(text)
    assert encode_canonical(read, lenient=True) == encode_canonical_json(json.loads(text))


@given(st.lists(_texts, unique=True))
def test_keys_are_sorted_by_code_point(keys: list[str]) -> None:
    encoded = encode_canonical(dict.fromkeys(keys, 0))
    assert list(json.loads(encoded)) == sorted(keys)


@pytest.mark.parametrize("integer", [MAX_INTEGER, -MAX_INTEGER])
def test_the_largest_integers_are_canonical(integer: int) -> None:
    assert encode_canonical({"a": integer}) == b'{"a":%d}' % integer


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1.0},
        {"a": [0.5]},
        [-0.0],
        MAX_INTEGER + 1,
        {"a": {"b": -MAX_INTEGER - 1}},
        {1: "a"},
        {None: 1},
        {"a": (1, 2)},
        {"a": b"bytes"},
        {"a": {1, 2}},
        {"a": Colour.RED},
        {Colour.RED: 1},
    ],
)
def test_what_has_no_canonical_json_is_refused(value: Any) -> None:
    with pytest.raises(BadJson):
        check_canonical(value)
    with pytest.raises(BadJson):
        encode_canonical(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}, {1: 2}, (1,)])
def test_lenient_mode_refuses_what_is_no_json_at_all(value: Any) -> None:
    with pytest.raises(BadJson):
        encode_canonical(value, lenient=True)


@pytest.mark.parametrize("value", ["\ud800", {"\udc00": 1}, {"a": ["\ud83d"]}, {"a": 1.5, "b": "\ud800"}])
def test_lone_surrogates_are_never_written(value: Any) -> None:
    with pytest.raises(BadJson):
        encode_canonical(value)
    with pytest.raises(BadJson):
        encode_canonical(value, lenient=True)


def test_nesting_is_bounded_at_100_levels() -> None:
    check_canonical(nested(100))
    assert decode_json(encode_canonical(nested(100))) == nested(100)
    for lenient in (False, True):
        with pytest.raises(BadJson):
            encode_canonical(nested(101), lenient=lenient)
    with pytest.raises(BadJson):
        decode_json(json.dumps(nested(101)).encode())
    with pytest.raises(BadJson):
        decode_json(b"[" * 100_000)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    value: list[Any] = [{"a": []}] * 500 + ["[" * 500]
    assert decode_json(json.dumps(value).encode()) == value
    assert decode_json(memoryview(json.dumps(value).encode())) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{} {}",
        b"{'a':1}",
        b'{"a":1,}',
        b"NaN",
        b"[Infinity]",
        b"01",
        b"1e400",
        b"1" * 5000,
        b'"\x01"',
        b'"\\ud800"',
        b'{"\\udc00\\ud800":1}',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(NotJson):
        decode_json(data)


@given(st.binary())
def test_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        value = decode_json(data)
    except (NotJson, BadJson):
        return
    assert json.loads(data) == value


def test_a_pair_of_surrogates_is_one_code_point() -> None:
    assert decode_json(b'"\\ud83d\\ude00"') == "😀"


def _written(encode: Callable[..., bytes], value: Any, lenient: bool) -> bytes | str:
    try:
        return encode(value, lenient=lenient)
    except BadJson as fault:
        return fault.message


@given(lenient_values, st.booleans())
def test_what_was_decoded_is_written_as_anything_else(value: Any, lenient: bool) -> None:
    decoded = {"all": decode_json(json.dumps(value).encode()), "some": "x"}
    assert _written(encode_decoded, decoded, lenient) == _written(encode_canonical, decoded, lenient)


@pytest.mark.parametrize(
    "number", ["1.5", "-0.0", "1e5", "-2E-7", "1e300", "9007199254740992", "-9007199254740992"]
)
@pytest.mark.parametrize("text", ['{"a":%s}', '{"a":[%s]}', '{"a":[1,%s]}', '{"a":{"b":[{"c":%s}]}}'])
def test_no_number_that_is_not_canonical_is_passed_over_in_what_was_decoded(text: str, number: str) -> None:
    decoded = decode_json((text % number).encode())
    with pytest.raises(BadJson):
        encode_decoded(decoded)
    assert encode_decoded(decoded, lenient=True) == encode_canonical(decoded, lenient=True)


def test_texts_may_look_like_numbers() -> None:
    decoded = {"a": "[1.5,2e7]", "b": [":3.1"]}
    assert encode_decoded(decoded) == b'{"a":"[1.5,2e7]","b":[":3.1"]}'
