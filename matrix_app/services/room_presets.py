"""What new rooms begin with: presets and default power levels (`POST /createRoom`)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from matrix_app.protocol.room_versions import RoomVersion

PresetName = Literal["private_chat", "public_chat", "trusted_private_chat"]


class Preset(NamedTuple):
    """The settings that a preset stands for."""

    join_rule: str
    guest_access: str
    invite_level: int
    trusts_invitees: bool = False


PRESETS: dict[PresetName, Preset] = {
    "private_chat": Preset("invite", "can_join", 0),
    "trusted_private_chat": Preset("invite", "can_join", 0, trusts_invitees=True),
    "public_chat": Preset("public", "forbidden", 50),
}
ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}
_TOMBSTONE = "m.room.tombstone"
# Version 12: "the power level for sending m.room.tombstone events MUST explicitly be higher than
# state_default".
_CREATORS_ONLY = 150


def preset_events(preset: Preset, *, encrypted: bool) -> dict[str, dict[str, Any]]:
    """The content of each state event that a preset sets, by type, in the order in which they are sent."""
    contents: dict[str, dict[str, Any]] = {
        "m.room.join_rules": {"join_rule": preset.join_rule},
        "m.room.history_visibility": {"history_visibility": "shared"},
    }
    if preset.guest_access != "forbidden":
        # The absence of the event means the same, and clients that count a room's state expect none.
        contents["m.room.guest_access"] = {"guest_access": preset.guest_access}
    if encrypted and preset.join_rule != "public":
        contents["m.room.encryption"] = ENCRYPTION
    return contents


def power_levels(
    rules: RoomVersion, creators: list[str], preset: Preset, override: dict[str, Any]
) -> dict[str, Any]:
    """The power levels of a new room; `creators` have 100 where the version gives them no more."""
    content: dict[str, Any] = {
        "users": {} if rules.privileged_creators else dict.fromkeys(creators, 100),
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.canonical_alias": 50,
            "m.room.avatar": 50,
            _TOMBSTONE: 100,
            "m.room.server_acl": 100,
            "m.room.encryption": 100,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": preset.invite_level,
        "historical": 100,
    }
    content |= override
    if rules.privileged_creators:
        raise_tombstone(content, named=_TOMBSTONE in _events(override))
    return content


def raise_tombstone(content: dict[str, Any], *, named: bool) -> None:
    """Let creators alone replace the room, unless who made it has `named` another level for that.

    Levels that are none are left as they are, for the rules of the room to refuse.
    """
    events = content.get("events", {})
    default = content.get("state_default", 50)
    if not named and isinstance(default, int) and isinstance(events, dict):
        content["events"] = {**events, _TOMBSTONE: max(_CREATORS_ONLY, default + 1)}


def _events(content: dict[str, Any]) -> dict[str, Any]:
    events = content.get("events", {})
    return events if isinstance(events, dict) else {}


def topic_content(topic: str) -> dict[str, Any]:
    """The content of `m.room.topic`, with the text as extensible events have it."""
    return {"topic": topic, "m.topic": {"m.text": [{"body": topic}]}}
