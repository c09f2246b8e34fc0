import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.globs import Glob, WordGlob

texts = st.text(alphabet="ab_- \n", max_size=12)
patterns = st.text(alphabet="ab_- *?", max_size=8)


def naive_regex(pattern):
    return "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)


@given(patterns, texts)
def test_a_glob_matches_as_the_plain_regular_expression_does(pattern, text):
    expected = re.fullmatch(naive_regex(pattern), text, re.DOTALL) is not None
    assert Glob(pattern).matches(text) == expected
    assert fnmatch.fnmatchcase(text, pattern) == expected


@given(patterns, texts)
def test_a_word_glob_finds_what_the_plain_regular_expression_finds(pattern, text):
    plain = rf"(?<![A-Za-z0-9_])(?:{naive_regex(pattern)})(?![A-Za-z0-9_])"
    assert WordGlob(pattern).matches(text) == (re.search(plain, text, re.DOTALL) is not None)


@given(patterns, texts)
def test_a_question_mark_can_be_an_ordinary_character(pattern, text):
    expected = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text, re.DOTALL) is not None
    assert Glob(pattern, question_mark=False).matches(text) == expected
    assert Glob(pattern, question_mark=False).matches(pattern)


@pytest.mark.parametrize("text", ["exple", "An example event.", "An exciting triple-whammy"])
def test_the_examples_of_the_specification_match(text):
    assert WordGlob("ex*ple").matches(text)


@pytest.mark.parametrize("text", ["cupcakes", "cake_", "1cake", ""])
def test_a_word_inside_another_does_not_match(text):
    assert not WordGlob("cake").matches(text)


def test_characters_beyond_ascii_are_word_boundaries():
    assert WordGlob("cake").matches("ücakeß")


@pytest.mark.parametrize("kind", [Glob, WordGlob])
def test_no_pattern_makes_a_long_text_slow(kind):
    started = time.process_time()
    assert not kind("*a" * 30 + "b").matches("a" * 60_000 + "c")
    assert not kind("*a" * 30 + "*b*c").matches("ab" * 30_000)
    assert time.process_time() - started < 1
