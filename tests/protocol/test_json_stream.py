"""JSON that is read piece by piece."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.errors import NotJson, TooLarge
from matrix_app.protocol.json_stream import Piece, pieces, pieces_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def dribble(text: bytes, size: int) -> Callable[[int], bytes]:
    """Gives a text a few bytes at a time."""
    file = io.BytesIO(text)
    return lambda _wanted: file.read(size)


def read(text: bytes, size: int = 7, **limits: int) -> list[Piece]:
    return list(pieces(dribble(text, size), **limits))


def put_together(found: list[Piece]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for piece in found:
        value = json.loads(piece.data)
        if piece.is_element:
            whole.setdefault(piece.name, []).append(value)
        else:
            whole[piece.name] = value
    return whole


@given(value=st.dictionaries(st.text(), VALUES, max_size=4), size=st.integers(1, 40), indent=st.booleans())
def test_the_pieces_of_an_object_are_what_it_holds(value: dict[str, Any], size: int, indent: bool) -> None:
    text = json.dumps(value, indent=2 if indent else None, ensure_ascii=not indent).encode()
    found = read(text, size)
    assert put_together(found) == {name: held for name, held in value.items() if held != []}
    assert put_together(pieces_of(text)) == put_together(found)


def test_the_object_behind_a_status_is_read_as_alone() -> None:
    text = b'[200, {"state": [{"a": 1}, {"b": "]"}], "origin": "a.example"} ]\n'
    for found in (read(text), pieces_of(text)):
        assert put_together(found) == {"state": [{"a": 1}, {"b": "]"}], "origin": "a.example"}


def test_what_is_nested_deeper_than_any_event_is_still_one_piece() -> None:
    deep = b"[" * 5000 + b'"]"' + b"]" * 5000
    text = b'{"a": [%b, {"b": 1}]}' % deep
    for found in (read(text, 4096), pieces_of(text)):
        assert [piece.data for piece in found] == [deep, b'{"b": 1}']


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"[200]",
        b'"text"',
        b'{"a": [1, 2}',
        b'{"a": [{"b": "never ends',
        b'{"a": [{"b": 1}',
        b'{"a": 1} and more',
        b'{"a" 1}',
        b'{"a": tru',
        b'{"a": 1,}',
        b"{1: 2}",
        b'[200, {"a": 1}',
    ],
)
def test_what_is_broken_or_ends_early_is_no_json(text: bytes) -> None:
    with pytest.raises(NotJson):
        read(text)
    with pytest.raises(NotJson):
        pieces_of(text)


def test_a_piece_has_a_greatest_size() -> None:
    with pytest.raises(TooLarge):
        read(b'{"a": ["%b"]}' % (b"x" * 500), max_piece=400)
    with pytest.raises(TooLarge):
        read(b'{"a": ["%b' % (b"x" * 500), max_piece=400)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":' + b"[" * 300_000,
        b'{"a":["' + b"\\" * 2_000_000,
        b'{"a":[[' + b'{"x":[' * 200_000,
        b'{"a":' + b" " * 2_000_000,
        b'{"a":["' + b'"[{' * 300_000,
    ],
    ids=["brackets", "escapes", "objects", "space", "quotes"],
)
def test_hostile_text_costs_time_in_proportion_to_its_length(text: bytes) -> None:
    began = time.process_time()
    with pytest.raises((NotJson, TooLarge)):
        read(text, 262_144)
    assert time.process_time() - began < 5
