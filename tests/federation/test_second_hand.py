"""Work that is shared with a second thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from matrix_app.federation.second_hand import FEW, PART, both_ways


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, FEW + PART * 3])
def test_results_come_in_the_order_of_the_pieces(count: int) -> None:
    pieces = list(range(count))
    assert both_ways(pieces, lambda some: [-piece for piece in some]) == [-piece for piece in pieces]


def test_another_thread_begins_at_the_end() -> None:
    helped = threading.Event()
    here = threading.current_thread()

    def work(some: Sequence[int]) -> list[bool]:
        if threading.current_thread() is not here:
            helped.set()
        elif not helped.wait(20):
            raise AssertionError("nobody helps")
        return [threading.current_thread() is here for _ in some]

    by_this = both_ways(range(FEW + PART), work)
    assert by_this[0]
    assert not by_this[-1]


def test_what_goes_wrong_with_a_piece_is_raised() -> None:
    def work(some: Sequence[int]) -> list[int]:
        if FEW in some:
            raise ValueError("this one")
        return list(some)

    with pytest.raises(ValueError, match="this one"):
        both_ways(range(FEW + PART), work)
