import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_app.protocol.push_rules import NOBODY, NameIndex
from matrix_app.protocol.push_rules.names import contains_words, folded

ME = "@me.too/x=1:example.org"


def names(display_name, text, user_id="@nobody.else:example.org"):
    return user_id in NameIndex().changed({user_id: display_name}, ()).named_in(text.lower())


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Alice", "hello ALICE!", True),
        ("Alice", "alice", True),
        ("Alice", "malice", False),
        ("Alice", "alice_", False),
        ("Alice", "malice, alice", True),
        ("Al (away)", "hi al (away)", True),
        ("Al (away)", "hi al (away)y", False),
        ("A*e", "alice", False),
        ("A*e", "hi a*e", True),
        ("What?", "what? yes", True),
        ("What?", "whatx yes", False),
        (".*", "anything", False),
        ("Jürgen", "hallo JÜRGEN, du", True),
        ("Jürgen", "jürgens", False),
        ("Jü", "jürgen", False),
        ("ü", "jürgen", False),
        ("Юрий", "привет, юрий!", True),
        ("Юрий", "привет, юра!", False),
        # What is not in [A-Za-z0-9_] is a word boundary, letters of other alphabets among it.
        ("李", "你好李明", True),
        ("李", "li", False),
        ("🦊", "hi🦊", False),
        ("🦊", "hi 🦊", True),
        ("!!!", "look !!! there", True),
        ("!!!", "look!!!", False),
        ("!!!", "look !!!! there", True),
        ("-", "one - two", True),
        (" Alice ", "alice", True),
        ("Alice  B", "alice b", False),
        ("İpek", "İPEK", True),
        ("", "anything", False),
        ("   ", "any   thing", False),
        ("\u200b", "any \u200b thing", False),
        ("\u3000\u2060 ", "any \u3000\u2060 thing", False),
    ],
)
def test_a_name_counts_as_a_whole_word_whatever_its_case(name, text, expected):
    assert names(name, text) is expected


@pytest.mark.parametrize(
    ("user_id", "text", "expected"),
    [
        ("@alice:example.org", "@alice:example.org", True),
        ("@alice:example.org", "ask ALICE", True),
        ("@alice:example.org", "example.org", False),
        ("@me.too/x=1:example.org", "me.too/x=1?", True),
        ("@me.too/x=1:example.org", "me too x 1", False),
        ("@A*:example.org", "anything", False),
        ("@A*:example.org", "the a* search", True),
        ("@:example.org", "anything", False),
        ("@_irc_bob:example.org", "_irc_bob: hi", True),
        ("@_irc_bob:example.org", "bob: hi", False),
    ],
)
def test_a_user_name_is_a_name_too(user_id, text, expected):
    assert names("", text, user_id) is expected


def test_it_is_told_by_which_name_a_user_is_meant():
    index = NameIndex().changed({"@a:x": "Anna", "@b:x": "anna", "@anna:x": ""}, ())
    found = index.named_in("hello anna")
    assert found.by_name == {"@a:x": "anna", "@b:x": "anna"}
    assert found.by_user_name == {"@anna:x"}
    assert index.named_in("hello") is NOBODY


def test_users_come_go_and_change_their_names_in_a_new_index():
    first = NameIndex().changed({"@a:x": "Anna", "@b:x": "Юрий"}, ())
    second = first.changed({"@a:x": "Zoe", "@c:x": "Anna Lisa"}, ["@b:x", "@never:x"])
    text = "anna, zoe, юрий, anna lisa"
    assert first.named_in(text).by_name.keys() == {"@a:x", "@b:x"}
    assert second.named_in(text).by_name.keys() == {"@a:x", "@c:x"}
    assert second.changed({}, ["@a:x", "@c:x"]).size == NameIndex().size


letters = st.text(alphabet="aB_1é李!. ", max_size=4)


@settings(max_examples=2000, deadline=None)
@given(letters, letters, letters, st.text(alphabet="aB_1é李!. ", min_size=1, max_size=4))
def test_an_index_finds_what_the_rule_says(before, between, after, name):
    text = f"{before}{name}{between}{name}{after}".lower()
    wanted = folded(name)
    boundary = rf"(?<![A-Za-z0-9_]){re.escape(wanted)}(?![A-Za-z0-9_])"
    expected = bool(wanted) and re.search(boundary, text) is not None
    assert names(name, text) is expected
    if wanted:
        assert contains_words(text, wanted) is expected
