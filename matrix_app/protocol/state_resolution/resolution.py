"""The entry: which algorithm resolves the states of a room."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_app.protocol.event_auth import check_state_dependent
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.protocol.state_resolution.auth_checks import AuthCheck
from matrix_app.protocol.state_resolution.conflicts import StateIds, type_and_key
from matrix_app.protocol.state_resolution.store import EventStore
from matrix_app.protocol.state_resolution.v1 import resolve_v1
from matrix_app.protocol.state_resolution.v2 import resolve_v2


def resolve(
    rules: RoomVersion,
    state_sets: Sequence[StateIds],
    store: EventStore,
    *,
    check: AuthCheck = check_state_dependent,
) -> dict[type_and_key, str]:
    """The state of a room where these states meet; the order of the states does not matter.

    States that are all the same are returned without a question to the store. Otherwise only what
    conflicts, and what authorises it, is loaded. The states must hold no rejected events; where they
    conflict, a rejected or unknown event never enters the result.
    """
    distinct: list[StateIds] = []
    for state in state_sets:
        if state not in distinct:
            distinct.append(state)
    if len(distinct) < 2:
        return dict(distinct[0]) if distinct else {}
    if rules.state_resolution == "v1":
        return resolve_v1(distinct, store, check)
    return resolve_v2(rules, distinct, store, check)
