"""State snapshots: chains of differences against plain maps."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matrix_app.storage import cache, db, state

pytestmark = pytest.mark.django_db

CHANGES = st.lists(
    st.dictionaries(st.integers(1, 30), st.integers(0, 10_000), min_size=1, max_size=3), max_size=150
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(CHANGES)
def test_every_snapshot_of_a_chain_is_the_state_that_its_changes_made(changes: list[dict[int, int]]) -> None:
    expected: dict[int, int] = {}
    made = []
    with db.write():
        chain = state.Chain(1, None)
        for change in changes:
            expected = {key: event for key, event in {**expected, **change}.items() if event}
            made.append((chain.extend(change), expected))
    cache.clear_all()
    for nid, wanted in made:
        assert state.load(nid) == wanted


def test_a_chain_continued_from_storage_gives_what_one_in_memory_gives() -> None:
    with db.write():
        nid = None
        for number in range(1, 200):
            nid = state.Chain(1, nid).extend({number % 17 + 1: number})
    assert nid is not None
    expected: dict[int, int] = {}
    for number in range(1, 200):
        expected[number % 17 + 1] = number
    cache.clear_all()
    assert state.load(nid) == expected


def test_a_long_chain_is_read_through_few_links_and_stored_in_little() -> None:
    with db.write():
        chain = state.Chain(1, None)
        chain.extend({key: key for key in range(1, 1001)})
        for number in range(900):
            chain.extend({number % 1000 + 1: number + 5000})
    links = db.rows(state._CHAIN, (chain.nid,))
    stored = db.value("SELECT sum(length(entries)) FROM state_snapshot")
    assert len(links) <= 11
    # 900 full maps of 1000 entries would be 14 MB.
    assert stored < 16_000 + 900 * 16 * 12


def test_undoing_later_changes_gives_the_state_before_them() -> None:
    deltas = [
        state.Delta(1, 5, key_nid=1, event_nid=11, previous_event_nid=10),
        state.Delta(1, 6, key_nid=2, event_nid=20, previous_event_nid=None),
        state.Delta(1, 7, key_nid=1, event_nid=12, previous_event_nid=11),
    ]
    assert state.undo({1: 12, 2: 20, 3: 30}, deltas) == {1: 10, 3: 30}
