"""Sentences with values are English texts that can be said in other languages later."""

from __future__ import annotations

import pickle

import msgspec
import orjson
import pytest

from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.said import Said, packed, plain, rendered, said, unpacked

GERMAN = {
    "{host} answers {status}": "Status {status} kommt von {host}",
    "It failed: {why}": "Gescheitert: {why}",
    "After {days:.1f} days": "Nach {days:.1f} Tagen",
    "Nothing": "Nichts",
    "{hosts} fail": "Es scheitern {hosts}",
}


def in_german(text: str) -> str:
    return rendered(text, lambda message: GERMAN.get(message, message), ",")


def test_a_sentence_is_its_english_text_everywhere() -> None:
    sentence = said("{host} answers {status}", host="example.org", status=502)
    assert sentence == "example.org answers 502"
    assert f"{sentence}!" == "example.org answers 502!"
    assert orjson.dumps({"error": sentence}) == b'{"error":"example.org answers 502"}'
    assert InvalidParam(sentence).body()["error"] == "example.org answers 502"


def test_values_stand_where_the_other_language_has_them() -> None:
    assert in_german(said("{host} answers {status}", host="a.b", status=502)) == "Status 502 kommt von a.b"


def test_a_sentence_within_a_sentence_is_translated_and_a_text_is_not() -> None:
    assert in_german(said("It failed: {why}", why=said("Nothing"))) == "Gescheitert: Nichts"
    assert in_german(said("It failed: {why}", why="Nothing")) == "Gescheitert: Nothing"


def test_fractions_have_the_mark_of_the_language() -> None:
    assert said("After {days:.1f} days", days=2.25) == "After 2.2 days"
    assert in_german(said("After {days:.1f} days", days=2.25)) == "Nach 2,2 Tagen"


@pytest.mark.parametrize(
    ("message", "text"), [("{it}", "a, b"), ("{it:lines}", "a\nb"), ("{it:parts}", "a; b")]
)
def test_lists_are_put_together(message: str, text: str) -> None:
    assert said(message, it=("a", "b")) == text
    assert in_german(said("{hosts} fail", hosts=["a", said("Nothing")])) == "Es scheitern a, Nichts"


def test_braces_of_values_and_of_plain_texts_mean_nothing() -> None:
    assert said("It failed: {why}", why="{why.__class__}") == "It failed: {why.__class__}"
    assert in_german("{unheard of}") == "{unheard of}"
    assert said("{plain}") == "{plain}"


def test_what_was_raised_keeps_what_it_was_made_of() -> None:
    fault = ValueError(said("{host} answers {status}", host="a.b", status=1))
    assert isinstance(str(fault), Said)


def test_it_is_stored_as_a_text_and_found_again() -> None:
    why = said("{host} answers {status}", host="a.b", status=502)
    sentence = said("It failed: {why}", why=[why, "x", 3, 1.5])
    found = unpacked(packed(sentence))
    assert found == sentence
    assert in_german(found) == "Gescheitert: Status 502 kommt von a.b, x, 3, 1,5"
    assert in_german(pickle.loads(pickle.dumps(sentence))) == in_german(sentence)


@pytest.mark.parametrize("text", ["plain", "", "{braces}", '\x1e{"message": "{x.y}", "values": {"x": 1}}'])
def test_other_texts_are_stored_as_they_are_whatever_they_look_like(text: str) -> None:
    found = unpacked(packed(text))
    assert (found, type(found)) == (text, str)


def test_encoders_that_know_no_sentences_get_the_english() -> None:
    assert msgspec.json.encode([said("{it}", it=1)], enc_hook=plain) == b'["1"]'
    with pytest.raises(TypeError):
        msgspec.json.encode([object()], enc_hook=plain)
