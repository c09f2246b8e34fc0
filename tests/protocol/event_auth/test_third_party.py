"""Invites that came out of a third-party invite."""

from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from nacl.signing import SigningKey

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.event_auth import check_event, third_party
from matrix_app.protocol.events import Event
from tests.factories.events import ALICE, BOB, CAROL, RoomBuilder
from tests.protocol.event_auth.refusals import assert_refused, versions
from tests.protocol.event_auth.rooms import put

KEY = SigningKey(bytes(range(32)))
OTHER_KEY = SigningKey(bytes(range(1, 33)))
NOT_SIGNED = "is not signed by a key"


def unpadded(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


def public(key: SigningKey) -> str:
    return unpadded(bytes(key.verify_key))


def signed_by(key: SigningKey, **fields: Any) -> dict[str, Any]:
    """The `signed` object for Bob's invite by token `t`, by an identity server with this key."""
    signed = {"mxid": BOB, "token": "t"} | fields
    signature = unpadded(key.sign(encode_canonical(signed)).signature)
    return {**signed, "signatures": {"id.example": {"ed25519:0": signature}}}


def room_with_invite(version: str = "11", content: dict[str, Any] | None = None) -> RoomBuilder:
    """A room that Bob was invited to by an address, with `KEY` or as `content` says."""
    room = RoomBuilder.opened(version, join_rule="invite")
    content = {"display_name": "b...@...", **({"public_key": public(KEY)} if content is None else content)}
    room.send("m.room.third_party_invite", ALICE, content, state_key="t")
    return room


def exchange(room: RoomBuilder, signed: Any, sender: str = ALICE, target: str = BOB) -> Event:
    content = {"membership": "invite", "third_party_invite": {"display_name": "b...@...", "signed": signed}}
    return room.make("m.room.member", sender, content, state_key=target)


@pytest.mark.parametrize("version", versions())
def test_a_signed_third_party_invite_invites(version: str) -> None:
    room = room_with_invite(version)
    room.apply(event := exchange(room, signed_by(KEY)))
    check_event(event, room.state)
    room.join(BOB)


@pytest.mark.parametrize("version", versions())
def test_who_sent_the_third_party_invite_need_not_be_there_any_more(version: str) -> None:
    room = room_with_invite(version)
    room.leave(ALICE)
    check_event(exchange(room, signed_by(KEY)), room.state)


@pytest.mark.parametrize("version", versions())
def test_the_banned_are_not_invited_by_their_address(version: str) -> None:
    room = room_with_invite(version)
    room.ban(ALICE, BOB)
    assert_refused(exchange(room, signed_by(KEY)), room.state, "is banned")


def test_a_member_may_be_invited_by_their_address() -> None:
    # The rules do not ask for the target's membership beyond a ban.
    room = room_with_invite()
    put(room, BOB, "join")
    check_event(exchange(room, signed_by(KEY)), room.state)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("invite", [{}, {"signed": None}, {"signed": []}, "signed", None])
def test_a_third_party_invite_needs_something_signed(version: str, invite: Any) -> None:
    room = room_with_invite(version)
    content = {"membership": "invite", "third_party_invite": invite}
    event = room.make("m.room.member", ALICE, content, state_key=BOB)
    assert_refused(event, room.state, "is not signed")


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("missing", ["mxid", "token"])
def test_what_is_signed_names_a_user_and_a_token(version: str, missing: str) -> None:
    room = room_with_invite(version)
    signed = signed_by(KEY)
    del signed[missing]
    assert_refused(exchange(room, signed), room.state, "names no user or no token")
    assert_refused(exchange(room, {**signed, missing: 7}), room.state, "names no user or no token")


@pytest.mark.parametrize("version", versions())
def test_an_invite_for_another_user_is_refused(version: str) -> None:
    room = room_with_invite(version)
    assert_refused(exchange(room, signed_by(KEY), target=CAROL), room.state, "for another user")


@pytest.mark.parametrize("version", versions())
def test_an_invite_with_an_unknown_token_is_refused(version: str) -> None:
    room = room_with_invite(version)
    assert_refused(exchange(room, signed_by(KEY, token="u")), room.state, "with this token")


@pytest.mark.parametrize("version", versions())
def test_an_invite_in_the_name_of_another_member_is_refused(version: str) -> None:
    room = room_with_invite(version)
    put(room, CAROL, "join")
    assert_refused(exchange(room, signed_by(KEY), sender=CAROL), room.state, "was sent by another user")


@pytest.mark.parametrize("version", versions())
def test_an_invite_signed_by_another_key_is_refused(version: str) -> None:
    room = room_with_invite(version)
    assert_refused(exchange(room, signed_by(OTHER_KEY)), room.state, NOT_SIGNED)


KEYS_IN_THE_ROOM = [
    {"public_key": public(KEY)},
    {"public_key": public(KEY) + "="},
    {"public_key": urlsafe_b64encode(bytes(KEY.verify_key)).decode()},
    {"public_keys": [{"public_key": public(KEY)}]},
    {"public_keys": [{"public_key": public(OTHER_KEY)}, {"public_key": public(KEY)}]},
    {"public_key": public(OTHER_KEY), "public_keys": [{"public_key": public(KEY)}]},
    {"public_key": "not a key", "public_keys": [{}, "key", {"public_key": 7}, {"public_key": public(KEY)}]},
    {"public_key": unpadded(bytes(31)), "public_keys": [{"public_key": public(KEY)}]},
    {"public_key": unpadded(b"\xff" * 32), "public_keys": [{"public_key": public(KEY)}]},
]


@pytest.mark.parametrize("keys", KEYS_IN_THE_ROOM)
def test_any_key_of_the_third_party_invite_will_do(keys: dict[str, Any]) -> None:
    room = room_with_invite(content=keys)
    check_event(exchange(room, signed_by(KEY)), room.state)


@pytest.mark.parametrize(
    "keys", [{}, {"public_key": None}, {"public_keys": {}}, {"public_keys": public(KEY)}, {"public_key": "é"}]
)
def test_a_revoked_or_malformed_third_party_invite_invites_nobody(keys: dict[str, Any]) -> None:
    room = room_with_invite(content=keys)
    assert_refused(exchange(room, signed_by(KEY)), room.state, NOT_SIGNED)


GOOD = signed_by(KEY)["signatures"]["id.example"]["ed25519:0"]
BAD = signed_by(OTHER_KEY)["signatures"]["id.example"]["ed25519:0"]


@pytest.mark.parametrize(
    "signatures",
    [
        {"other.example": {"ed25519:7": GOOD}},
        {"id.example": {"ed25519:0": BAD, "ed25519:1": GOOD}},
        {"id.example": {"ed25519:0": BAD}, "other.example": {"ed25519:0": GOOD}},
        {"id.example": [], "other.example": {"ed25519:0": 7, "ed25519:1": "", "ed25519:2": GOOD}},
    ],
)
def test_any_signature_by_the_key_will_do(signatures: Any) -> None:
    room = room_with_invite()
    check_event(exchange(room, signed_by(KEY) | {"signatures": signatures}), room.state)


@pytest.mark.parametrize(
    "signatures",
    [
        None,
        {},
        [],
        "x",
        {"id.example": {}},
        {"id.example": {"ed25519:0": BAD}},
        {"id.example": {"rsa:0": GOOD}},
    ],
)
def test_an_invite_without_a_good_signature_is_refused(signatures: Any) -> None:
    room = room_with_invite()
    assert_refused(exchange(room, signed_by(KEY) | {"signatures": signatures}), room.state, NOT_SIGNED)


def test_what_is_unsigned_may_be_added() -> None:
    room = room_with_invite()
    check_event(exchange(room, signed_by(KEY) | {"unsigned": {"age": 7}}), room.state)


def test_what_was_signed_cannot_be_changed() -> None:
    room = room_with_invite()
    assert_refused(exchange(room, signed_by(KEY) | {"sender": CAROL}), room.state, NOT_SIGNED)


def test_the_number_of_signatures_that_are_tried_is_bounded() -> None:
    room = room_with_invite()
    bad = {f"ed25519:{number}": BAD for number in range(third_party.MAX_VERIFICATIONS)}
    signatures = {"id.example": {**bad, "ed25519:good": GOOD}}
    assert_refused(exchange(room, signed_by(KEY) | {"signatures": signatures}), room.state, NOT_SIGNED)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize(("level", "allowed"), [(29, False), (30, True)])
def test_inviting_an_address_takes_the_invite_level_alone(version: str, level: int, allowed: bool) -> None:
    levels = {"invite": 30, "state_default": 99, "users": {BOB: level}}
    room = RoomBuilder.opened(version, power_levels=levels)
    room.join(BOB)
    event = room.make("m.room.third_party_invite", BOB, {"public_key": public(KEY)}, state_key="@token")
    if allowed:
        check_event(event, room.state)
    else:
        assert_refused(event, room.state, "may not invite")
