"""Single entries of snapshots."""

from __future__ import annotations

import random

import pytest

from matrix_app.storage import db, state, state_entries
from matrix_app.storage.cache import clear_all
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


def grow(changes: int) -> list[int]:
    """Snapshots of a chain of random changes, removals among them."""
    source = random.Random(7)
    nids = []
    with db.write():
        chain = state.Chain(1, None)
        for number in range(changes):
            entry = 0 if number and source.random() < 0.2 else number + 1
            nids.append(chain.extend({source.randrange(40): entry}))
    return nids


@pytest.mark.parametrize("cached", [True, False])
def test_an_entry_is_what_the_whole_snapshot_says(cached: bool) -> None:
    nids = grow(300)
    for nid in nids[::7]:
        if not cached:
            clear_all()
        whole = state.load(nid)
        found = state_entries.find((nid, key) for key in range(45))
        assert {key: event for (_, key), event in found.items()} == whole


def test_many_entries_take_two_statements() -> None:
    nids = grow(200)
    clear_all()
    with recorded() as seen:
        state_entries.find((nid, 3) for nid in nids)
        first = len(seen)
        state_entries.find((nid, 4) for nid in nids)
    assert (first, len(seen)) == (2, 2)


def test_a_snapshot_that_is_not_there_has_no_entries() -> None:
    assert state_entries.find([(12345, 1)]) == {}
