"""Users' push rules ("Push Rules"): as clients see them, changed, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from appliance.config import get_config
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import TooLarge
from matrix_app.protocol.push_rules import Custom, full_ruleset
from matrix_app.services.effects.unread import is_silent
from matrix_app.services.push_outcomes import searches_texts
from matrix_app.storage import (
    account_data,
    db,
    interning,
    members,
    push_rules,
    rooms,
    unread,
    unread_sweep,
)
from matrix_app.storage.stream import Kind
from matrix_app.storage.user_lock import lock_user

PUSH_RULES: Final = "m.push_rules"


def ruleset_of(user_nid: int) -> dict[str, Any]:
    """The content of a user's `m.push_rules`: the predefined rules with the user's changes."""
    return full_ruleset(custom_of(user_nid), interning.user_id_of(user_nid), by_text=searches_texts())


def custom_of(user_nid: int) -> Custom:
    """What the user made of the predefined rules."""
    stored = unread.custom_rules([user_nid]).get(user_nid)
    custom: Custom = orjson.loads(stored) if stored is not None else {}
    return custom


def change_rules(user_nid: int, change: Callable[[Custom], Custom]) -> None:
    """Replace what a user made of the rules by what `change` makes of it, and tell their clients.

    The account data entry `m.push_rules` holds the position of the last change and nothing else: what it
    shows is `ruleset_of`.
    """
    with db.write():
        lock_user(user_nid)
        before = custom_of(user_nid)
        after = change(before)
        if after == before:
            return
        encoded = encode_canonical(after, lenient=True)
        if len(encoded) > get_config().limits.account_data_bytes:
            raise TooLarge("There are too many push rules")
        push_rules.put(user_nid, encoded if after else None)
        if bool(before) != bool(after):
            members.note_custom_push(user_nid)
        position = account_data.put(user_nid, account_data.GLOBAL, PUSH_RULES, b"{}", kind=Kind.PUSH_RULES)
        _note_stances(user_nid, after, position)


def _note_stances(user_nid: int, custom: Custom, position: int) -> None:
    """What came so far goes on counting, or not, as it did: the rules are for what comes now."""
    joined = rooms.room_ids(members.joined_rooms(user_nid))
    known = unread.stances(user_nid, joined)
    changed = {}
    for nid, room_id in joined.items():
        counts = not is_silent(custom, room_id)
        if counts != (known[nid][-1][1] if nid in known else True):
            changed[nid] = counts
    unread.put_stances(user_nid, position, changed)
    for nid in changed.keys() & known.keys():
        unread_sweep.remove_stances(user_nid, nid)
