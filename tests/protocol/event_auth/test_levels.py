"""One power level, in the forms that versions tolerate."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.event_auth.levels import read_level
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from tests.protocol.event_auth.refusals import versions


def read_everywhere(value: Any, first: int = 1, last: int = 12) -> set[int | None]:
    """What the value stands for in the versions from `first` to `last`."""
    return {read_level(value, ROOM_VERSIONS[version]) for version in versions(first, last)}


@pytest.mark.parametrize("level", [0, 50, -1, 2**53 - 1, -(2**53) + 1])
def test_integers_are_levels_in_every_version(level: int) -> None:
    assert read_everywhere(level) == {level}


@pytest.mark.parametrize("value", [None, True, False, [], [50], {}, "", "x", "5 0", "0x10", "1_000", "--1"])
def test_what_is_no_number_is_no_level_in_any_version(value: Any) -> None:
    assert read_everywhere(value) == {None}


STRINGS = [
    ("100", 100),
    ("000100", 100),
    ("+100", 100),
    ("-100", -100),
    (" 100 ", 100),
    (" 00100 ", 100),
    (" +100 ", 100),
    (" -100 ", -100),
    ("0", 0),
    ("-0", 0),
    ("\t7\n", 7),
    ("0" * 5000 + "7", 7),
    ("1" + "0" * 308, 10**308),
]


@pytest.mark.parametrize(("value", "level"), STRINGS)
def test_strings_of_integers_are_levels_up_to_version_9(value: str, level: int) -> None:
    assert read_everywhere(value, last=9) == {level}
    assert read_everywhere(value, first=10) == {None}


@pytest.mark.parametrize("value", ["1.0", "1e3", "5.", ".5", "+ 1", "- 1", "١٢", "²", "inf", "nan", "+"])
def test_strings_of_anything_else_are_no_levels(value: str) -> None:
    assert read_everywhere(value) == {None}


@pytest.mark.parametrize(
    ("value", "level"), [(50.57, 50), (-50.57, -50), (5.114698e4, 51146), (0.9, 0), (-0.9, 0), (1e20, 10**20)]
)
def test_floats_are_truncated_up_to_version_5(value: float, level: int) -> None:
    assert read_everywhere(value, last=5) == {level}
    assert read_everywhere(value, first=6) == {None}


@pytest.mark.parametrize(
    "value", [inf, -inf, nan, 10**309, -(10**309), "9" * 309, "9" * 5000, "-" + "9" * 310]
)
def test_what_no_double_can_hold_is_no_level(value: Any) -> None:
    assert read_everywhere(value) == {None}


@given(level=st.integers(-(2**60), 2**60), zeroes=st.integers(0, 5), blanks=st.integers(0, 3))
def test_a_string_is_the_integer_that_it_spells(level: int, zeroes: int, blanks: int) -> None:
    sign = "-" if level < 0 else ""
    text = " " * blanks + sign + "0" * zeroes + str(abs(level)) + " " * blanks
    assert read_level(text, ROOM_VERSIONS["9"]) == level
