"""How a new event moves its room: which forward extremities stay, and what becomes of the present state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from matrix_app.services import state_forks
from matrix_app.services.state_forks import PlannedState
from matrix_app.storage import auth_chains, events, state
from matrix_app.storage.events import Status
from matrix_app.storage.rooms import Extremity, RoomHead, RoomIdentity
from matrix_app.storage.state_resolution_store import NEWCOMER, StoredEvents

if TYPE_CHECKING:
    from matrix_app.services.received_events import Received

# A room with more ends than this keeps the latest ones: each costs every later event something.
MOST_EXTREMITIES: Final = 20
# How far back from a new event predecessors are followed that were rejected or soft-failed.
_MOST_FOLLOWED: Final = 100


@dataclass(slots=True)
class Move:
    """How an event moves its room: which extremities stay, and the state where they and it meet.

    `changes` is what the event changes in the present state; the event itself stands there as `NEWCOMER`.
    """

    stay: list[Extremity]
    gone: list[int]
    changes: dict[int, int]


def plan_move(room: RoomIdentity, head: RoomHead, received: Received, key_nid: int | None) -> Move:
    """Plan how a judged event moves the room from `head`; reads only."""
    covered = _covered(room, received)
    stay = [extremity for extremity in head.extremities if extremity.nid not in covered]
    # The head has the latest first.
    kept = stay[: MOST_EXTREMITIES - 1]
    gone = [extremity.nid for extremity in head.extremities if extremity not in kept]
    own = {} if key_nid is None else {key_nid: NEWCOMER}
    if not kept and received.before == PlannedState(head.state_nid, {}):
        return Move(kept, gone, own)
    after = PlannedState(received.before.base_nid, {**received.before.changes, **own})
    if not kept:
        return Move(kept, gone, _changes(head, after.entries()))
    rows = events.rows_by_nid(extremity.nid for extremity in head.extremities)
    others = {rows[extremity.nid].state_after for extremity in kept}
    old = {row.state_after for row in rows.values()}
    if not after.changes and others | {after.base_nid} == old:
        return Move(kept, gone, {})
    return Move(kept, gone, _changes(head, _meeting(room, received, after, others)))


def _meeting(
    room: RoomIdentity, received: Received, after: PlannedState, others: Iterable[int | None]
) -> dict[int, int]:
    snapshots = {nid for nid in others if nid is not None}
    if not after.changes and after.base_nid is not None:
        return state_forks.meet(room, snapshots | {after.base_nid}).entries()
    store = StoredEvents(received.event, auth_chains.of(received.auth_nids))
    states = [after.entries(), *(state.load(nid) for nid in sorted(snapshots))]
    return dict(state_forks.resolve_nids(room, states, store))


def _changes(head: RoomHead, new: dict[int, int]) -> dict[int, int]:
    present = state.load(head.state_nid) if head.state_nid is not None else {}
    return state_forks.difference(present, new)


def _covered(room: RoomIdentity, received: Received) -> set[int]:
    """What the event follows: also through predecessors that are no extremities because of their status."""
    covered: set[int] = set()
    pending = [received.rows[name] for name in received.event.prev_event_ids if name in received.rows]
    while pending and len(covered) < _MOST_FOLLOWED:
        row = pending.pop()
        covered.add(row.nid)
        if row.status != Status.NORMAL:
            found = events.rows_by_id(events.parse(row).prev_event_ids).values()
            pending += [previous for previous in found if previous.nid not in covered]
    return covered
