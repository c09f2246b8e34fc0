"""Room versions 1 to 12 as data ("Room Versions" of the specification).

One frozen `RoomVersion` per version; nothing else in Hearth compares version numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from matrix_app.protocol.errors import UnsupportedRoomVersion


@dataclass(frozen=True, slots=True)
class RoomVersion:
    """The rules of one room version. Each field names the one thing that it switches."""

    identifier: str
    stable: bool = True
    # Event IDs: "domain" ($opaque:server), "base64" (reference hash), "urlsafe" (the same, URL-safe).
    event_id_format: Literal["domain", "base64", "urlsafe"] = "urlsafe"
    state_resolution: Literal["v1", "v2", "v2.1"] = "v2"
    # v6: canonical JSON is enforced on events (no floats, integers within 2^53).
    strict_canonical_json: bool = True
    # v5: a signing key must have been valid at origin_server_ts.
    enforce_key_validity: bool = True
    # v1 to v5: `m.room.aliases` has an authorisation rule of its own and keeps `aliases` on redaction.
    aliases_special_case: bool = False
    # v1 and v2: `m.room.redaction` is authorised by the domain of the redacted event's ID.
    redaction_auth_by_event_id: bool = False
    # v6: the `notifications` of power levels are authorised too.
    notifications_power_levels: bool = True
    knock: bool = True  # v7
    restricted_join: bool = True  # v8
    redaction_keeps_allow: bool = True  # v8: `allow` of join rules
    redaction_keeps_authorising_user: bool = True  # v9: `join_authorised_via_users_server`
    knock_restricted_join: bool = True  # v10
    integer_power_levels: bool = True  # v10: no strings as power levels
    # v11: `creator` gone from create events, all of their content kept, `redacts` in content, and
    # the further redaction changes of that version.
    implicit_room_creator: bool = True
    redacts_in_content: bool = True
    redaction_v11: bool = True
    # Specified for all versions; but other servers counted characters up to version 10, and rooms have such
    # events.
    lengths_in_bytes: bool = True
    # v12: room IDs are hashes of create events, which `auth_events` do not name; creators stand above
    # all power levels, together with `additional_creators`.
    room_id_is_create_hash: bool = True
    privileged_creators: bool = True


V12: Final = RoomVersion("12", state_resolution="v2.1")
V11: Final = replace(
    V12, identifier="11", state_resolution="v2", room_id_is_create_hash=False, privileged_creators=False
)
V10: Final = replace(
    V11,
    identifier="10",
    implicit_room_creator=False,
    redacts_in_content=False,
    redaction_v11=False,
    lengths_in_bytes=False,
)
V9: Final = replace(V10, identifier="9", knock_restricted_join=False, integer_power_levels=False)
V8: Final = replace(V9, identifier="8", redaction_keeps_authorising_user=False)
V7: Final = replace(V8, identifier="7", restricted_join=False, redaction_keeps_allow=False)
V6: Final = replace(V7, identifier="6", knock=False)
V5: Final = replace(
    V6,
    identifier="5",
    strict_canonical_json=False,
    aliases_special_case=True,
    notifications_power_levels=False,
)
V4: Final = replace(V5, identifier="4", enforce_key_validity=False)
V3: Final = replace(V4, identifier="3", event_id_format="base64")
V2: Final = replace(V3, identifier="2", event_id_format="domain", redaction_auth_by_event_id=True)
V1: Final = replace(V2, identifier="1", state_resolution="v1")

ROOM_VERSIONS: Final[dict[str, RoomVersion]] = {
    version.identifier: version for version in (V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12)
}
DEFAULT_ROOM_VERSION: Final = V12


def room_version(identifier: str) -> RoomVersion:
    """The rules of version `identifier`; raises `UnsupportedRoomVersion`."""
    try:
        return ROOM_VERSIONS[identifier]
    except KeyError:
        raise UnsupportedRoomVersion(f"Room version {identifier!r} is not supported") from None
