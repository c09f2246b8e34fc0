"""What the state of a room said at its events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matrix_app.protocol.events import Event, type_and_key
from matrix_app.storage import events, interning, state_entries


def states_at(
    snapshots: Iterable[int | None], pairs: Sequence[type_and_key]
) -> dict[type_and_key, dict[int, Event]]:
    """For each (type, state_key) pair: the state event in each snapshot that has one.

    The number of statements does not depend on that of the snapshots.
    """
    keys = interning.find_keys(pairs)
    known = {snapshot for snapshot in snapshots if snapshot is not None}
    nids = state_entries.find((snapshot, key) for snapshot in known for key in keys.values())
    parsed = events.events_by_nid(set(nids.values()))
    names = {key: pair for pair, key in keys.items()}
    found: dict[type_and_key, dict[int, Event]] = {pair: {} for pair in pairs}
    for (snapshot, key), nid in nids.items():
        found[names[key]][snapshot] = parsed[nid]
    return found
