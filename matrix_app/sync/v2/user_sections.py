"""What a sync shows outside of rooms: account data, presence, devices and their messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orjson import Fragment

from matrix_app.protocol.filters import matcher_of
from matrix_app.services.presence import enabled
from matrix_app.services.push_rules import PUSH_RULES, ruleset_of
from matrix_app.storage import device_messages, interning, key_signatures, members, presence
from matrix_app.storage.account_data import AccountDataRow
from matrix_app.storage.stream import Kind
from matrix_app.sync import memo
from matrix_app.sync.v2.movements import Movements
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.scope import Scope

MOST_OFFLINE = 100


def global_account_data(request: SyncRequest, personal: Sequence[AccountDataRow]) -> list[Any]:
    """The `account_data` events. Push rules are always there from the beginning."""
    anew = request.since is None or request.from_lost_time
    matcher = matcher_of(request.filter.account_data)
    found: list[Any] = [
        {"type": entry.type, "content": Fragment(entry.content)}
        for entry in personal
        if entry.room_nid == 0 and entry.type != PUSH_RULES and matcher.matches(type=entry.type)
    ]
    changed = any(entry.room_nid == 0 and entry.type == PUSH_RULES for entry in personal)
    if (changed or anew) and matcher.matches(type=PUSH_RULES):
        found.append({"type": PUSH_RULES, "content": ruleset_of(request.user_nid)})
    return found


def presence_events(request: SyncRequest, scope: Scope, moved: Movements) -> list[Any]:
    """The `presence` events: of the user, and of those who share a room with them."""
    wanted = request.filter.presence
    changed = request.since is None or Kind.PRESENCE in scope.user_kinds or scope.rooms_with(Kind.PRESENCE)
    if wanted.blocks_everything() or not (changed or moved.arrived):
        return []
    sharing = {*members.sharing_rooms(request.user_nid), request.user_nid}
    found = presence.in_stream(sharing, request.after, request.upto)
    known = {entry.user_nid for entry in found}
    found += presence.in_stream(moved.arrived - known, 0, request.upto)
    contents = presence.contents(found)
    if enabled():
        # Of those who have just arrived the client knows nothing yet, not even that they are offline.
        unknown = sorted(moved.arrived.difference(contents))[:MOST_OFFLINE]
        contents.update({nid: {"presence": "offline"} for nid in unknown})
    matcher = matcher_of(wanted)
    names = interning.user_ids(contents)
    return [
        {"type": "m.presence", "sender": names[nid], "content": content}
        for nid, content in contents.items()
        if matcher.matches(type="m.presence", sender=names[nid])
    ]


def key_counts(request: SyncRequest) -> dict[str, Any]:
    """The device's one-time keys and unused fallback keys, always told in full; who has no device has none.

    "[device_unused_fallback_key_types] is required for inclusion".
    """
    device_nid = request.requester.device_nid
    counts, unused = ({}, []) if device_nid is None else memo.one_time_keys(device_nid)
    shown = {
        "device_one_time_keys_count": {"signed_curve25519": 0, **counts},
        "device_unused_fallback_key_types": unused,
    }
    return {**shown, "org.matrix.msc2732.device_unused_fallback_key_types": unused}


def device_lists(request: SyncRequest, scope: Scope, moved: Movements) -> dict[str, list[str]]:
    """Whose devices to look at again, and of whom nothing more will be told; what is empty is left out.

    Clients encrypt for those who are invited, where the history's visibility lets these read it.
    """
    if request.since is None:
        return {}
    changed = moved.arrived | moved.invited
    if request.from_lost_time:
        changed |= {*members.sharing_encrypted_rooms(request.user_nid), request.user_nid}
    if Kind.DEVICE_LIST in scope.user_kinds or scope.rooms_with(Kind.DEVICE_LIST):
        sharing = {*members.sharing_rooms(request.user_nid), request.user_nid}
        changed |= device_messages.lists_changed(sharing, request.after, request.upto)
    if Kind.KEY_SIGNATURES in scope.user_kinds:
        changed |= key_signatures.signed_between(request.user_nid, request.after, request.upto)
    left = moved.gone
    if left:
        left = left - set(members.sharing_among(request.user_nid, left))
    names = interning.user_ids(changed | left)
    found = {
        "changed": sorted(names[nid] for nid in changed - left),
        "left": sorted(names[nid] for nid in left),
    }
    return {name: users for name, users in found.items() if users}
