"""Inviting by mail address, and turning such an invite into one of a user ("Third-party invites")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import BadGateway, Forbidden
from matrix_app.protocol.event_auth.third_party import is_signed_by_any, public_keys_of
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.services import membership, outgoing_invites
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.blocked_rooms import refuse_blocked
from matrix_app.services.identity_server import Identities, IdentityServer, is_key_valid
from matrix_app.services.known_rooms import require_room
from matrix_app.services.member_content import profile_of
from matrix_app.services.relaying import relay
from matrix_app.services.room_writer import RoomWriter, read_room, write_room
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity

_TYPE = "m.room.third_party_invite"


class ThirdPartyInvite(msgspec.Struct):
    """Whom to invite, and the identity server to ask about them."""

    id_server: str
    id_access_token: str
    medium: str
    address: str
    reason: str | None = None


def invite_by_address(
    requester: Requester,
    room_id: str,
    wanted: ThirdPartyInvite,
    *,
    extra: dict[str, Any] | None = None,
    make_server: Callable[[str, str], Identities] = IdentityServer.of,
) -> None:
    """Invite the user whom the identity server knows by the address, or have it keep an invite for them.

    Raises `BadGateway` when the identity server gives no answer.
    """
    refuse_suspended(requester)
    room = require_room(room_id)
    refuse_blocked(room)
    reader = read_room(room)
    if reader.membership(requester.user_id) != "join":
        raise Forbidden("You are not in this room")
    address = wanted.address.strip().casefold() if wanted.medium == "email" else wanted.address
    server = make_server(wanted.id_server, wanted.id_access_token)
    found = server.find_user(wanted.medium, address)
    if found is not None:
        membership.invite(requester, room_id, found, reason=wanted.reason, extra=extra)
        return
    details = _details(reader, requester.user_id) | {"medium": wanted.medium, "address": address}
    token, content = _event_of(server.store_invite(details), wanted.id_server)

    def change(writer: RoomWriter) -> Event:
        return writer.add(sender=requester.user_id, type=_TYPE, state_key=token, content=content)

    write_room(room, change)


def _details(room: RoomWriter, sender: str) -> dict[str, Any]:
    """What the identity server may tell the invitee of the room and of who invites."""
    profile = profile_of(sender)
    values = {
        "room_alias": room.state_content("m.room.canonical_alias").get("alias"),
        "room_avatar_url": room.state_content("m.room.avatar").get("url"),
        "room_join_rules": room.state_content("m.room.join_rules").get("join_rule"),
        "room_name": room.state_content("m.room.name").get("name"),
        "room_type": room.state_content("m.room.create").get("type"),
        "sender_display_name": profile.get("displayname"),
        "sender_avatar_url": profile.get("avatar_url"),
    }
    known = {key: value for key, value in values.items() if isinstance(value, str)}
    return known | {"room_id": room.room.room_id, "sender": sender}


def _event_of(stored: dict[str, Any], server_name: str) -> tuple[str, dict[str, Any]]:
    match stored:
        case {
            "token": str(token),
            "display_name": str(display_name),
            "public_keys": [{"public_key": str(public_key)}, *_] as public_keys,
        }:
            first = public_keys[0]
        case _:
            raise BadGateway("The identity server's answer to store-invite is incomplete")
    default_url = f"https://{server_name}/_matrix/identity/v2/pubkey/isvalid"
    return token, {
        "display_name": display_name,
        "key_validity_url": first.get("key_validity_url", default_url),
        "public_key": public_key,
        "public_keys": public_keys,
    }


def exchange(
    room: RoomIdentity,
    target: str,
    signed: dict[str, Any],
    *,
    sender: str,
    is_valid: Callable[[str, str], bool] = is_key_valid,
) -> Event:
    """Make an invite of `target` out of the third-party invite whose token is in `signed`.

    Its `sender` is who sent the third-party invite, of whichever server. Raises `Forbidden` unless a key of
    the third-party invite has signed and its identity server stands by it.
    """
    parse_user_id(target)
    if check_keys(room, signed, is_valid=is_valid).sender != sender:
        raise Forbidden("The third-party invite was sent by another user")

    def change(writer: RoomWriter) -> Event:
        present = writer.state("m.room.member", target)
        if present is not None and present.content.get("membership") in ("invite", "join"):
            return present
        return add_signed_invite(writer, target, signed)

    if domain_of(target) != local_server_name():
        return outgoing_invites.issue(room, change)
    return write_room(room, change, beside=lambda event: relay(event, to_sender=True))


def add_signed_invite(room: RoomWriter, target: str, signed: dict[str, Any]) -> Event:
    """Add the invite that a signed token proves; see `check_keys`."""
    token = signed.get("token")
    pending = room.state(_TYPE, token) if isinstance(token, str) else None
    if pending is None or signed.get("mxid") != target:
        raise Forbidden("The room has no such third-party invite")
    invite: dict[str, Any] = {"signed": signed}
    if isinstance(name := pending.content.get("display_name"), str):
        invite["display_name"] = name
    extra = {"third_party_invite": invite}
    return membership.put_member(room, pending.sender, target, "invite", extra=extra)


def check_keys(
    room: RoomIdentity, signed: dict[str, Any], *, is_valid: Callable[[str, str], bool] = is_key_valid
) -> Event:
    """The third-party invite of the token; raises `Forbidden` unless a key of it has signed, not revoked.

    "The server [...] MUST validate that the public key used for signing is still valid, by checking
    key_validity_url". This asks identity servers, so it is done outside of any transaction.
    """
    token = signed.get("token")
    pending = read_room(room).state(_TYPE, token) if isinstance(token, str) else None
    if pending is None:
        raise Forbidden("The room has no such third-party invite")
    for key in public_keys_of(pending):
        if is_signed_by_any(signed, iter([key])):
            url = _validity_url(pending, key)
            if url is None or is_valid(url, key):
                return pending
    raise Forbidden("The third-party invite is not signed by a valid key")


def _validity_url(pending: Event, public_key: str) -> str | None:
    keys = pending.content.get("public_keys")
    for entry in keys if isinstance(keys, list) else ():
        if isinstance(entry, dict) and entry.get("public_key") == public_key:
            url = entry.get("key_validity_url")
            return url if isinstance(url, str) else None
    url = pending.content.get("key_validity_url")
    return url if isinstance(url, str) else None
