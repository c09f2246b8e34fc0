"""The redaction algorithm of every room version ("Redactions" of the room versions)."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from matrix_app.protocol.room_versions import RoomVersion

_KEPT_SINCE_V11: Final = (
    "event_id",
    "type",
    "room_id",
    "sender",
    "state_key",
    "content",
    "hashes",
    "signatures",
    "depth",
    "prev_events",
    "auth_events",
    "origin_server_ts",
)
# v11: these three are no longer protected from redaction.
_KEPT_UNTIL_V10: Final = frozenset({*_KEPT_SINCE_V11, "prev_state", "origin", "membership"})
_KEPT: Final = frozenset(_KEPT_SINCE_V11)
_POWER_LEVELS: Final = (
    "ban",
    "events",
    "events_default",
    "kick",
    "redact",
    "state_default",
    "users",
    "users_default",
)


def redact(pdu: dict[str, Any], rules: RoomVersion) -> dict[str, Any]:
    """`pdu` as it is after redaction: a new dict, whose values are shared with `pdu`."""
    kept = _KEPT if rules.redaction_v11 else _KEPT_UNTIL_V10
    redacted = {key: value for key, value in pdu.items() if key in kept}
    redacted["content"] = redact_content(pdu["type"], pdu["content"], rules)
    return redacted


def redact_content(event_type: str, content: dict[str, Any], rules: RoomVersion) -> dict[str, Any]:
    """What redaction leaves of the content of an event of this type."""
    # v11: `m.room.create` allows all keys.
    if event_type == "m.room.create" and rules.redaction_v11:
        return content
    kept = _content_keys(
        rules.redaction_v11,
        rules.aliases_special_case,
        rules.redaction_keeps_allow,
        rules.redaction_keeps_authorising_user,
    ).get(event_type)
    if kept is None:
        return {}
    redacted = {key: content[key] for key in kept if key in content}
    if event_type == "m.room.member" and rules.redaction_v11:
        _keep_signed(content, redacted)
    return redacted


def _keep_signed(content: dict[str, Any], redacted: dict[str, Any]) -> None:
    # v11: the `signed` key of `third_party_invite` is allowed. The object itself stays even when it has no
    # such key, as it does on the servers that most of the public federation runs: event IDs depend on it.
    invite = content.get("third_party_invite")
    if isinstance(invite, dict):
        redacted["third_party_invite"] = {"signed": invite["signed"]} if "signed" in invite else {}


@cache
def _content_keys(
    v11: bool, aliases: bool, allow: bool, authorising_user: bool
) -> dict[str, tuple[str, ...]]:
    kept: dict[str, tuple[str, ...]] = {
        "m.room.create": ("creator",),
        "m.room.history_visibility": ("history_visibility",),
        "m.room.join_rules": ("join_rule", "allow") if allow else ("join_rule",),
        "m.room.member": ("membership",),
        "m.room.power_levels": _POWER_LEVELS,
    }
    if authorising_user:
        kept["m.room.member"] = ("membership", "join_authorised_via_users_server")
    if aliases:
        kept["m.room.aliases"] = ("aliases",)
    if v11:
        kept["m.room.power_levels"] = (*_POWER_LEVELS, "invite")
        kept["m.room.redaction"] = ("redacts",)
    return kept
