"""Making a room (`POST /createRoom`): all of its first events in one transaction."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Any, Literal

import msgspec

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import (
    AuthorizationFailed,
    BadJson,
    Forbidden,
    InvalidParam,
    InvalidRoomState,
    RoomInUse,
)
from matrix_app.protocol.ids import domain_of, parse_room_alias, parse_server_name, parse_user_id
from matrix_app.protocol.room_versions import RoomVersion, room_version
from matrix_app.services import appservice_queries
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.appservices import check_alias_namespace
from matrix_app.services.invite_permission import refuse_blocked, takes_invites
from matrix_app.services.membership import invite, put_member
from matrix_app.services.policy_lists.enforcement import refuse_invite
from matrix_app.services.room_presets import PRESETS, PresetName, power_levels, preset_events, topic_content
from matrix_app.services.room_writer import RoomWriter, draft_room, store_new_room
from matrix_app.services.third_party_invites import ThirdPartyInvite, invite_by_address
from matrix_app.storage import aliases, db, directory
from matrix_app.storage.local_server import local_server_name


class StateEvent(msgspec.Struct):
    """An entry of `initial_state`."""

    type: str
    content: dict[str, Any]
    state_key: str = ""


class NewRoom(msgspec.Struct, kw_only=True):
    """What is asked for: the body of `POST /createRoom`."""

    visibility: Literal["public", "private"] = "private"
    room_alias_name: str | None = None
    name: str | None = None
    topic: str | None = None
    invite: list[str] = msgspec.field(default_factory=list)
    invite_3pid: list[ThirdPartyInvite] = msgspec.field(default_factory=list)
    room_version: str | None = None
    creation_content: dict[str, Any] = msgspec.field(default_factory=dict)
    initial_state: list[StateEvent] = msgspec.field(default_factory=list)
    preset: PresetName | None = None
    is_direct: bool = False
    power_level_content_override: dict[str, Any] = msgspec.field(default_factory=dict)


def create_room(requester: Requester, wanted: NewRoom, *, plain: bool = False) -> str:
    """Make a room whose creator is the requester; its ID. A `plain` one is not encrypted by default."""
    refuse_suspended(requester)
    rules = room_version(
        get_config().server.default_room_version if wanted.room_version is None else wanted.room_version
    )
    alias = _check_alias(wanted.room_alias_name, requester.appservice_id)
    _check(wanted, requester.user_id, rules)
    _let_bridges_make(wanted.invite)
    room_id = "" if rules.room_id_is_create_hash else f"!{token_urlsafe(14)}:{local_server_name()}"

    def change(room: RoomWriter) -> None:
        _add_events(room, requester.user_id, rules, wanted, alias, plain)

    try:
        draft = draft_room(rules, room_id, change)
    except AuthorizationFailed as error:
        raise InvalidRoomState(error.message) from error
    with db.write():
        room = store_new_room(draft)
        if alias is not None and not aliases.add(alias, room.nid, requester.user_nid):
            raise RoomInUse("The room alias is taken")
        if wanted.visibility == "public":
            directory.set_published(room.nid, True)
    _invite_others(requester, room.room_id, wanted)
    return room.room_id


def _let_bridges_make(user_ids: list[str]) -> None:
    """Bridges make their users when somebody wants them."""
    for user_id in dict.fromkeys(user_ids):
        if domain_of(user_id) == local_server_name():
            appservice_queries.make_user(user_id)


def _invite_others(requester: Requester, room_id: str, wanted: NewRoom) -> None:
    """Those whom other servers have to be asked about, once the room is there."""
    extra = {"is_direct": True} if wanted.is_direct else {}
    for target in dict.fromkeys(wanted.invite):
        if domain_of(target) != local_server_name():
            invite(requester, room_id, target, extra=extra)
    for by_address in wanted.invite_3pid:
        invite_by_address(requester, room_id, by_address, extra=extra)


def _check(wanted: NewRoom, creator: str, rules: RoomVersion) -> None:
    if wanted.visibility == "public" and not get_config().rooms.publication:
        raise Forbidden("Rooms cannot be published in the directory of this server")
    for user_id in wanted.invite:
        parse_user_id(user_id)
        refuse_invite(creator, user_id, "")
    for by_address in wanted.invite_3pid:
        parse_server_name(by_address.id_server)
    # Who blocks invites is left out of a room for several, but nobody makes a room to be alone with nobody.
    if wanted.invite and not wanted.invite_3pid and not any(map(takes_invites, wanted.invite)):
        refuse_blocked(wanted.invite[0])
    users = wanted.power_level_content_override.get("users")
    if users is not None and not rules.privileged_creators:
        if not isinstance(users, dict):
            raise BadJson("The users of power_level_content_override must be an object")
        if creator not in users:
            raise BadJson("The users of power_level_content_override must contain the room's creator")
    if any(event.type == "m.room.create" for event in wanted.initial_state):
        raise BadJson("initial_state cannot have m.room.create")


def _check_alias(localpart: str | None, appservice_id: str | None) -> str | None:
    if localpart is None:
        return None
    if not localpart or ":" in localpart or any(character.isspace() for character in localpart):
        raise InvalidParam("room_alias_name must be a local part without colons and spaces")
    alias = parse_room_alias(f"#{localpart}:{local_server_name()}")
    check_alias_namespace(alias, appservice_id)
    if aliases.find(alias) is not None:
        raise RoomInUse("The room alias is taken")
    return alias


def _add_events(
    room: RoomWriter, creator: str, rules: RoomVersion, wanted: NewRoom, alias: str | None, plain: bool
) -> None:
    """The events in the order that the specification demands."""

    def add(event_type: str, content: dict[str, Any], state_key: str = "") -> None:
        room.add(sender=creator, type=event_type, content=content, state_key=state_key)

    preset = PRESETS[wanted.preset or ("public_chat" if wanted.visibility == "public" else "private_chat")]
    trusted = [user for user in wanted.invite if user != creator] if preset.trusts_invitees else []
    add("m.room.create", _create_content(creator, rules, wanted, trusted))
    put_member(room, creator, creator, "join")
    levels = power_levels(rules, [creator, *trusted], preset, wanted.power_level_content_override)
    add("m.room.power_levels", levels)
    if alias is not None:
        add("m.room.canonical_alias", {"alias": alias})
    given = {event.type for event in wanted.initial_state if event.state_key == ""}
    encrypted = get_config().rooms.encrypt_by_default and not plain
    for event_type, content in preset_events(preset, encrypted=encrypted).items():
        if event_type not in given:
            add(event_type, content)
    for event in wanted.initial_state:
        add(event.type, event.content, event.state_key)
    if wanted.name is not None:
        add("m.room.name", {"name": wanted.name})
    if wanted.topic is not None:
        add("m.room.topic", topic_content(wanted.topic))
    _add_invites(room, creator, wanted)


def _create_content(creator: str, rules: RoomVersion, wanted: NewRoom, trusted: list[str]) -> dict[str, Any]:
    content = {**wanted.creation_content, "room_version": rules.identifier}
    content.pop("creator", None)
    if not rules.implicit_room_creator:
        content["creator"] = creator
    if rules.privileged_creators and trusted:
        named = content.get("additional_creators", [])
        if not isinstance(named, list):
            raise BadJson("additional_creators must be a list of user IDs")
        content["additional_creators"] = list(dict.fromkeys([*named, *trusted]))
    return content


def _add_invites(room: RoomWriter, creator: str, wanted: NewRoom) -> None:
    extra = {"is_direct": True} if wanted.is_direct else {}
    for target in dict.fromkeys(wanted.invite):
        if domain_of(target) == local_server_name() and takes_invites(target):
            put_member(room, creator, target, "invite", extra=extra)
