"""Unpadded Base64."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unpaddedbase64 import encode_base64 as reference

from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.unpadded_base64 import decode_base64, encode_base64, encode_base64_urlsafe


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foob", "Zm9vYg"), (b"foobar", "Zm9vYmFy")],
)
def test_the_examples_of_the_appendices(data: bytes, text: str) -> None:
    assert encode_base64(data) == text
    assert decode_base64(text) == data


@given(st.binary())
def test_both_alphabets_are_read_with_and_without_padding(data: bytes) -> None:
    text = encode_base64(data)
    assert text == reference(data)
    assert decode_base64(text) == data
    assert decode_base64(text + "=" * (-len(text) % 4)) == data
    assert decode_base64(encode_base64_urlsafe(data)) == data


@pytest.mark.parametrize("text", ["a", "ab\n", "a b", "äb", "a$bc", "Zg==Zg", "\ud800"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidParam):
        decode_base64(text)
