"""Which events of the room's state an event names as its `auth_events`.

Server-server API, "Auth events selection".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_app.protocol.events import type_and_key
from matrix_app.protocol.room_versions import RoomVersion

CREATE_KEY = ("m.room.create", "")
JOIN_RULES_KEY = ("m.room.join_rules", "")
POWER_LEVELS_KEY = ("m.room.power_levels", "")


def auth_types_for_event(
    rules: RoomVersion, *, type: str, sender: str, state_key: str | None, content: Mapping[str, Any]
) -> list[type_and_key]:
    """The (type, state key) pairs whose current state events, where there are any, authorise the event.

    Empty for `m.room.create`. No pair is listed twice.
    """
    if type == "m.room.create":
        return []
    # The create event, except where the room ID stands for it; the power levels; the sender's
    # membership.
    selected = [] if rules.room_id_is_create_hash else [CREATE_KEY]
    selected += (POWER_LEVELS_KEY, ("m.room.member", sender))
    if type == "m.room.member":
        for key in _types_for_member(rules, state_key, content):
            if key not in selected:
                selected.append(key)
    return selected


def _types_for_member(
    rules: RoomVersion, state_key: str | None, content: Mapping[str, Any]
) -> list[type_and_key]:
    """What a membership event selects beside what every event selects."""
    membership = content.get("membership")
    selected: list[type_and_key] = []
    # The target's membership.
    if state_key is not None:
        selected.append(("m.room.member", state_key))
    # The join rules, for `join`, `invite` and `knock`.
    if membership in ("join", "invite", "knock"):
        selected.append(JOIN_RULES_KEY)
    # For an invite that came out of a third-party one: the event that carries its token.
    if membership == "invite" and (token := third_party_token(content)) is not None:
        selected.append(("m.room.third_party_invite", token))
    # For a join by way of another room, where the version has it: the membership of who let the
    # user in.
    if membership == "join" and rules.restricted_join:
        authoriser = content.get("join_authorised_via_users_server")
        if isinstance(authoriser, str):
            selected.append(("m.room.member", authoriser))
    return selected


def third_party_token(content: Mapping[str, Any]) -> str | None:
    """`third_party_invite.signed.token` of a membership event's content, if it is there and a string."""
    invite = content.get("third_party_invite")
    signed = invite.get("signed") if isinstance(invite, dict) else None
    token = signed.get("token") if isinstance(signed, dict) else None
    return token if isinstance(token, str) else None
