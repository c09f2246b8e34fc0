import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.property_paths import split_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("type", ("type",)),
        ("content.body", ("content", "body")),
        (r"content.m\.relates_to.rel_type", ("content", "m.relates_to", "rel_type")),
        (r"content.m\\foo", ("content", r"m\foo")),
        (r"content.m\xfoo", ("content", r"m\xfoo")),
        ("content.", ("content", "")),
        (r"ends\\"[:-1], (r"ends\\"[:-1],)),
        (r"a\\.b", ("a\\", "b")),
    ],
)
def test_a_path_is_split_at_its_unescaped_dots(path, names):
    assert split_path(path) == names


@given(st.lists(st.text(alphabet=r"ab.\x", max_size=6), min_size=1, max_size=4))
def test_escaped_names_come_back_as_they_were(names):
    path = ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in names)
    assert split_path(path) == tuple(names)
