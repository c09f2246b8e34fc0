"""What a room that replaces another begins with ("Room upgrades" of the client-server API)."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from matrix_app.protocol.errors import BadJson
from matrix_app.protocol.event_auth import PowerLevels, creators_of
from matrix_app.protocol.event_auth.levels import read_level
from matrix_app.protocol.event_auth.power_levels import LEVEL_DEFAULTS
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.services.membership import put_member
from matrix_app.services.room_presets import raise_tombstone
from matrix_app.services.room_writer import RoomWriter
from matrix_app.storage import events, interning, members, state
from matrix_app.storage.members import Membership

# "The recommended state events to transfer", and those without which the room would be found or
# moderated no more.
_TRANSFERRED: Final = (
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.encryption",
    "m.room.server_acl",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.policy",
    "m.room.canonical_alias",
)
_SPACE_TYPES: Final = frozenset({"m.space.child", "m.space.parent"})
_MAPS: Final = ("events", "users", "notifications")


def add_first_events(
    new: RoomWriter,
    old: RoomWriter,
    creator: str,
    *,
    predecessor: dict[str, Any],
    additional_creators: list[str],
) -> None:
    """Add the events of a room that `creator` makes in place of `old`."""
    rules = new.room.rules

    def add(event_type: str, content: dict[str, Any], state_key: str = "") -> None:
        new.add(sender=creator, type=event_type, content=content, state_key=state_key)

    add("m.room.create", _create_content(old, rules, creator, predecessor, additional_creators))
    put_member(new, creator, creator, "join")
    final = _power_levels(new, old, creator)
    first = _sufficient(final, rules, creator)
    add("m.room.power_levels", first)
    for event_type, state_key, content in _transferred(old, rules):
        add(event_type, content, state_key)
    _add_bans(new, old, creator)
    if first != final:
        add("m.room.power_levels", final)


def _create_content(
    old: RoomWriter, rules: RoomVersion, creator: str, predecessor: dict[str, Any], additional: list[str]
) -> dict[str, Any]:
    before = old.state_content("m.room.create")
    content: dict[str, Any] = {key: before[key] for key in ("type", "m.federate") if key in before}
    content |= {"room_version": rules.identifier, "predecessor": predecessor}
    if not rules.implicit_room_creator:
        content["creator"] = creator
    if rules.privileged_creators and additional:
        if not all(isinstance(user, str) for user in additional):
            raise BadJson("additional_creators must be a list of user IDs")
        content["additional_creators"] = list(dict.fromkeys(additional))
    return content


def _power_levels(new: RoomWriter, old: RoomWriter, creator: str) -> dict[str, Any]:
    """The old room's levels in the form of the new version."""
    content = _plain(old.state_content("m.room.power_levels"), old.room.rules)
    create = old.auth_state()["m.room.create", ""]
    users = content.setdefault("users", {})
    if old.room.rules.privileged_creators and not new.room.rules.privileged_creators:
        top = max([100, *users.values()])
        users |= dict.fromkeys(creators_of(create, old.room.rules), top)
    if new.room.rules.privileged_creators:
        for user in creators_of(new.auth_state()["m.room.create", ""], new.room.rules):
            users.pop(user, None)
        level = content.get("events", {}).get("m.room.tombstone", 0)
        raise_tombstone(content, named=level > content.get("state_default", 50))
    elif not users:
        users[creator] = 100
    return content


def _plain(content: dict[str, Any], rules: RoomVersion) -> dict[str, Any]:
    """Power levels without what is none, and integers where old versions tolerate strings."""
    result = deepcopy(content)
    for key in (*LEVEL_DEFAULTS, "historical"):
        if key in result:
            level = read_level(result.pop(key), rules)
            result |= {} if level is None else {key: level}
    for key in _MAPS:
        entries = result.pop(key, None)
        if isinstance(entries, dict):
            levels = {name: read_level(value, rules) for name, value in entries.items()}
            result[key] = {name: level for name, level in levels.items() if level is not None}
    return result


def _sufficient(content: dict[str, Any], rules: RoomVersion, creator: str) -> dict[str, Any]:
    """The levels with as much for the creator as the events of the new room take, for the time being."""
    if rules.privileged_creators:
        return content
    levels = PowerLevels(content, rules, frozenset())
    needed = max([levels.state_default, levels.ban, levels.kick, *levels.events.values()])
    if levels.user_level(creator) >= needed:
        return content
    return {**content, "users": {**content["users"], creator: needed}}


def _transferred(old: RoomWriter, rules: RoomVersion) -> list[tuple[str, str, dict[str, Any]]]:
    """(type, state key, content) of the state that moves along, in the order in which it is sent."""
    found = state.current_other([old.room.nid]).get(old.room.nid, {})
    names, parsed = interning.key_names(found), events.events_by_nid(found.values())
    contents = {names[key]: parsed[nid].content for key, nid in found.items()}
    # Said although its absence means the same: who waits for the new room waits for its settings.
    contents.setdefault(("m.room.guest_access", ""), {"guest_access": "forbidden"})
    moved = [(kind, "", contents[kind, ""]) for kind in _TRANSFERRED if (kind, "") in contents]
    if not rules.knock or not rules.restricted_join or not rules.knock_restricted_join:
        moved = [
            (kind, key, _join_rules(content, rules) if kind == "m.room.join_rules" else content)
            for kind, key, content in moved
        ]
    for (kind, key), content in contents.items():
        if kind in _SPACE_TYPES and content.get("via"):
            moved.append((kind, key, content))
    return moved


def _join_rules(content: dict[str, Any], rules: RoomVersion) -> dict[str, Any]:
    """Join rules which the new version knows: others become "invite", which lets in no more than they did."""
    known = {
        "knock": rules.knock,
        "restricted": rules.restricted_join,
        "knock_restricted": rules.knock_restricted_join,
    }
    return content if known.get(content.get("join_rule", ""), True) else {"join_rule": "invite"}


def _add_bans(new: RoomWriter, old: RoomWriter, creator: str) -> None:
    banned = members.in_room(old.room.nid, [Membership.BAN])
    levels = PowerLevels.from_state(new.auth_state(), new.room.rules)
    for event in events.events_by_nid(row.event_nid for row in banned).values():
        target = event.state_key or ""
        if levels.user_level(target) < levels.user_level(creator):
            new.add(sender=creator, type="m.room.member", state_key=target, content=event.content)
