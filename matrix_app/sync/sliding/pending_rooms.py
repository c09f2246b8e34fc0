"""Invites and knocks, as a sliding sync tells of them: the stripped state that came along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orjson import Fragment

from matrix_app.storage import invite_state
from matrix_app.storage.members import Membership
from matrix_app.sync.sliding.connection import LIVE, STRIPPED, Sent
from matrix_app.sync.sliding.ledger import DIRECT, Ledger
from matrix_app.sync.sliding.plan import Plan
from matrix_app.sync.sliding.required_state import RequiredState


def tell(user_nid: int, plans: Sequence[Plan], ledger: Ledger) -> dict[int, dict[str, Any]]:
    """What there is to tell of rooms that the user is not in yet, by nid; noted in the ledger."""
    if not plans:
        return {}
    stripped = invite_state.get_many(user_nid, [plan.nid for plan in plans])
    told = {}
    for plan in plans:
        told[plan.nid] = _room(plan, Fragment(stripped.get(plan.nid, b"[]")))
        flags = DIRECT if plan.is_direct else 0
        ledger.put(plan.nid, Sent(LIVE, STRIPPED, ledger.number(RequiredState()), flags))
    return told


def _room(plan: Plan, events: Fragment) -> dict[str, Any]:
    room = plan.room
    shown: dict[str, Any] = {
        "membership": Membership(room.membership).word,
        "is_dm": plan.is_direct,
        # Clients look here for knocks too; the membership among the events tells the two apart. It goes along
        # with every change: a room without it is one that the user is in, for matrix-rust-sdk.
        "invite_state": events,
    }
    if room.membership == Membership.KNOCK:
        shown["knock_state"] = events
    if not plan.is_initial:
        return shown
    shown.update(initial=True, bump_stamp=room.position)
    if room.name is not None:
        shown["name"] = room.name
    if room.avatar_url is not None:
        shown["avatar"] = room.avatar_url
    return shown
