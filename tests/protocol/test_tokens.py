"""Pagination tokens."""

from __future__ import annotations

import pytest

from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.tokens import HistoryToken, StreamToken, parse_stream_token, parse_token


@pytest.mark.parametrize("token", [StreamToken(0), StreamToken(123), HistoryToken(7, 12), HistoryToken(0, 0)])
def test_a_token_is_read_as_it_was_written(token: StreamToken | HistoryToken) -> None:
    assert parse_token(str(token)) == token


def test_the_place_before_an_event_is_behind_the_one_before_it() -> None:
    assert HistoryToken.before(5, 9) == HistoryToken(5, 8)


@pytest.mark.parametrize(
    "text", ["", "s", "s-1", "s1 ", "t1", "t1_", "t_1", "x1", "s1_1", "t1_1_1", "s99999999999999999999", "s٣"]
)
def test_nonsense_is_an_invalid_parameter(text: str) -> None:
    with pytest.raises(InvalidParam):
        parse_token(text)


def test_a_sync_takes_no_token_of_a_room() -> None:
    with pytest.raises(InvalidParam):
        parse_stream_token("t1_1")
