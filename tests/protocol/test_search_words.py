"""Words as a search finds them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.search_words import MOST_WORDS, searched_texts, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("snake_case and e-mail", ["snake", "case", "and", "e", "mail"]),
        ("Crème brûlée", ["creme", "brulee"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("火星 man", ["火", "星", "man"]),
        ("", []),
        ("🙂 ...", []),
    ],
)
def test_words_are_folded(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_a_word_is_always_letters_and_digits(text: str) -> None:
    assert all(word.isalnum() for word in words_of(text))


def test_a_text_has_so_many_words_at_most() -> None:
    assert len(words_of("word " * (MOST_WORDS + 5))) == MOST_WORDS


@pytest.mark.parametrize(
    ("event_type", "content", "texts"),
    [
        ("m.room.message", {"body": "b", "topic": "t"}, ["b"]),
        ("m.room.name", {"name": "n"}, ["n"]),
        ("m.room.topic", {"topic": "t", "m.topic": {"m.text": [{"body": "t"}, {"body": "u"}]}}, ["t", "u"]),
        ("m.room.topic", {"m.topic": {"m.text": [{"body": "<b>", "mimetype": "text/html"}, 1]}}, []),
        ("m.room.message", {"body": 5}, []),
        ("m.reaction", {"body": "b"}, []),
    ],
)
def test_only_the_searched_keys_are_looked_at(
    event_type: str, content: dict[str, Any], texts: list[str]
) -> None:
    assert searched_texts(event_type, content) == texts
