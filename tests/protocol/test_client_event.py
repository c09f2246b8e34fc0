"""Events as clients see them."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.client_event import (
    client_event_bytes,
    prune_keys_for_stripped_state,
    to_client_event,
)
from matrix_app.protocol.errors import BadJson
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS, V5, V10, V11, V12, RoomVersion
from tests.factories.signed_events import SENDER, make_signed_event

versions = pytest.mark.parametrize("rules", ROOM_VERSIONS.values(), ids=lambda rules: rules.identifier)


def as_client_sees(event: Event, *, include_room_id: bool = True, unsigned: Any = None) -> dict[str, Any]:
    """What both ways of making a client event give; they must agree."""
    made = to_client_event(
        event.pdu, event.event_id, event.room_id, include_room_id=include_room_id, unsigned=unsigned
    )
    stored = encode_canonical(event.pdu, lenient=True)
    room_id = event.room_id if include_room_id else None
    assert json.loads(client_event_bytes(stored, event.event_id, room_id, unsigned)) == made
    return made


@versions
def test_a_client_sees_the_fields_of_client_events_and_no_others(rules: RoomVersion) -> None:
    event = make_signed_event(rules, state_key="")
    assert as_client_sees(event) == {
        "content": {"msgtype": "m.text", "body": "Good morning"},
        "event_id": event.event_id,
        "origin_server_ts": 1_700_000_000_000,
        "room_id": event.room_id,
        "sender": SENDER,
        "state_key": "",
        "type": "m.room.message",
    }


def test_the_room_id_and_the_state_key_are_left_out_where_they_do_not_belong() -> None:
    seen = as_client_sees(make_signed_event(V12), include_room_id=False)
    assert "room_id" not in seen
    assert "state_key" not in seen


def test_unsigned_is_what_the_caller_says_and_not_what_the_event_carries() -> None:
    event = make_signed_event(V12)
    event.pdu["unsigned"] = {"age": 1, "spoofed": True}
    assert as_client_sees(event, unsigned={"age": 5})["unsigned"] == {"age": 5}
    assert "unsigned" not in as_client_sees(event)


def test_unsigned_may_hold_json_that_is_ready() -> None:
    event = make_signed_event(V12)
    unsigned = {"redacted_because": orjson.Fragment(b'{"type":"m.room.redaction"}')}
    made = client_event_bytes(encode_canonical(event.pdu), event.event_id, None, unsigned)
    assert json.loads(made)["unsigned"] == {"redacted_because": {"type": "m.room.redaction"}}


@pytest.mark.parametrize("rules", [V10, V11], ids=["10", "11"])
def test_clients_find_redacts_in_both_places_in_every_version(rules: RoomVersion) -> None:
    event = make_signed_event(rules, type="m.room.redaction", content={"reason": "spam"}, redacts="$x")
    before = encode_canonical(event.pdu)
    seen = as_client_sees(event)
    assert seen["redacts"] == "$x"
    assert seen["content"] == {"reason": "spam", "redacts": "$x"}
    assert encode_canonical(event.pdu) == before


def test_the_place_where_the_version_keeps_redacts_is_never_overwritten() -> None:
    for rules in (V10, V11):
        event = make_signed_event(rules, type="m.room.redaction", content={"redacts": "$content"})
        event.pdu["redacts"] = "$top"
        seen = as_client_sees(event)
        assert (seen["redacts"], seen["content"]["redacts"]) == ("$top", "$content")


def test_a_redaction_of_nothing_stays_one() -> None:
    seen = as_client_sees(make_signed_event(V12, type="m.room.redaction", content={}))
    assert "redacts" not in seen
    assert seen["content"] == {}


def test_redacts_on_other_events_is_not_shown() -> None:
    assert "redacts" not in as_client_sees(make_signed_event(V10, redacts="$x"))


def test_content_reaches_clients_as_it_is_stored() -> None:
    content = {"large": 2**70, "float": 1e22, "text": "\u2028😀\x00"}
    for event_type in ("m.room.message", "m.room.redaction"):
        assert as_client_sees(make_signed_event(V5, type=event_type, content=content))["content"] == content


def test_stripped_state_has_four_keys() -> None:
    pdu = make_signed_event(V12, type="m.room.name", state_key="", content={"name": "x"}).pdu
    stripped = {"sender": SENDER, "type": "m.room.name", "state_key": "", "content": {"name": "x"}}
    assert prune_keys_for_stripped_state(pdu) == stripped


@pytest.mark.parametrize("name", ["sender", "type", "state_key", "content"])
def test_stripped_state_without_one_of_its_keys_is_refused(name: str) -> None:
    stripped: dict[str, Any] = {"sender": SENDER, "type": "m.room.name", "state_key": "", "content": {}}
    without = {key: stripped[key] for key in stripped if key != name}
    for malformed in ({**stripped, name: None}, without, "x", None):
        with pytest.raises(BadJson):
            prune_keys_for_stripped_state(malformed)
