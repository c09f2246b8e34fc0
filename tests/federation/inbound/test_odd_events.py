"""Events that are legal and odd are stored like others, so that nothing is lost that follows on them."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.federation.inbound import background
from matrix_app.storage import events, rooms, summaries
from matrix_app.storage.events import Status
from tests.factories.events import ALICE, BOB
from tests.factories.remote_rooms import ZOE, row_of
from tests.federation.inbound.test_transactions import Remote

pytestmark = pytest.mark.django_db(transaction=True)

NUL = "a\0b"
ID = "$a\0b"
STATE: list[tuple[str, dict[str, Any]]] = [
    ("m.room.name", {"name": NUL}),
    ("m.room.topic", {"topic": NUL}),
    ("m.room.avatar", {"url": NUL}),
    ("m.room.canonical_alias", {"alias": NUL, "alt_aliases": [NUL]}),
    ("m.room.history_visibility", {"history_visibility": NUL}),
    ("m.room.guest_access", {"guest_access": NUL}),
    ("m.room.encryption", {"algorithm": NUL}),
    ("m.room.tombstone", {"replacement_room": NUL}),
    ("m.room.pinned_events", {"pinned": [ID]}),
    ("m.space.child", {"via": [NUL], "order": NUL}),
]
MESSAGES: list[tuple[str, dict[str, Any]]] = [
    ("m.room.message", {"body": NUL, "msgtype": NUL}),
    ("m.room.message", {"body": "x", "m.mentions": {"user_ids": [NUL, ZOE]}}),
    ("m.room.message", {"body": "x", "m.relates_to": {"rel_type": NUL, "event_id": "$x"}}),
    ("m.room.message", {"body": "x", "m.relates_to": {"rel_type": "m.thread", "event_id": ID}}),
    ("m.room.message", {"body": "x", "m.relates_to": {"m.in_reply_to": {"event_id": ID}}}),
    ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$x", "key": NUL}}),
    ("m.room.redaction", {"redacts": ID}),
]


@pytest.mark.parametrize("version", ["6", "12"])
def test_texts_with_nul_keep_no_event_from_being_stored(version: str) -> None:
    remote = Remote(version)
    sent = [remote.room.send(kind, ALICE, content, state_key="") for kind, content in STATE]
    sent += [remote.room.send(kind, BOB, content) for kind, content in MESSAGES]
    sent.append(remote.room.join(BOB, displayname=NUL, avatar_url=NUL, reason=NUL))
    for start in range(0, len(sent), 7):
        remote.put(*sent[start : start + 7], remote.room.message(BOB))
    background.finish()
    assert remote.waiting() == 0
    assert {row_of(event).status for event in sent} == {Status.NORMAL}
    assert summaries.get(remote.here.identity.nid).name == "a\ufffdb"
    assert remote.here.state()["m.room.name", ""] == sent[0].event_id


@pytest.mark.parametrize(
    "odd", [{"e.example": 7}, {"e.example": {"ed25519:x": {}}}, {"b.example": {"ed25519:x": 7}}]
)
def test_what_is_malformed_among_the_signatures_is_left_out(odd: dict[str, Any]) -> None:
    remote = Remote()
    message = remote.room.message(BOB)
    own = message.pdu["signatures"]["b.example"]
    signatures = {**odd, "b.example": {**odd.get("b.example", {}), **own}}
    assert remote.put({**message.pdu, "signatures": signatures}) == {message.event_id: {}}
    kept = events.parse(row_of(message)).pdu["signatures"]
    assert {server: found for server, found in kept.items() if found} == {"b.example": own}


@pytest.mark.django_db
def test_nothing_is_found_by_a_text_with_nul() -> None:
    assert rooms.find("!a\0b:b.example") is None


@pytest.mark.parametrize("authoriser", ["@eve:e.example", "nobody", 7, None])
def test_a_membership_that_nobody_let_in_is_rejected_and_keeps_nothing_from_following(
    authoriser: Any,
) -> None:
    remote = Remote("10")
    content = {"membership": "leave", "join_authorised_via_users_server": authoriser}
    wrong = remote.room.make("m.room.member", BOB, content, state_key=BOB)
    # Other servers have taken it, and go on from there.
    after = remote.room.make("m.room.message", ALICE, {"body": "x"}, prev_events=[wrong])
    remote.peers.learn(wrong, after)
    remote.put(after, origin="a.example")
    background.finish()
    assert row_of(wrong).status == Status.REJECTED
    assert row_of(after).status == Status.NORMAL
    assert remote.here.state()["m.room.member", BOB] == remote.room.state["m.room.member", BOB].event_id
