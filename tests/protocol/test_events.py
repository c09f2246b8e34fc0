"""The event that code asks instead of the PDU."""

from __future__ import annotations

from matrix_app.protocol.room_versions import V1, V10, V11, V12
from tests.factories.events import make_event
from tests.factories.signed_events import make_signed_event


def test_an_event_offers_the_fields_of_its_pdu() -> None:
    event = make_signed_event(V12, type="m.room.name", state_key="")
    pdu = event.pdu
    assert (event.type, event.state_key, event.sender) == (pdu["type"], "", pdu["sender"])
    assert (event.depth, event.origin_server_ts) == (pdu["depth"], pdu["origin_server_ts"])
    assert event.content is pdu["content"]
    assert event.is_state
    assert not make_signed_event(V12).is_state


def test_references_are_plain_ids_in_every_version() -> None:
    for rules in (V1, V12):
        first = make_event(rules, type="m.room.create", state_key="")
        second = make_event(rules, type="m.room.message", prev_events=[first], auth_events=[first])
        assert second.prev_event_ids == second.auth_event_ids == [first.event_id]


def test_a_create_event_without_room_id_is_the_room_of_its_own_hash() -> None:
    create = make_event(V12, type="m.room.create", state_key="", room_id=None, event_id="$abc")
    assert create.room_id == "!abc"


def test_redacts_is_read_where_the_version_keeps_it_and_nowhere_else() -> None:
    for rules, own, other in ((V10, "$top", "$content"), (V11, "$content", "$top")):
        event = make_event(rules, type="m.room.redaction", content={"redacts": "$content"})
        event.pdu["redacts"] = "$top"
        assert event.redacts == own != other
    assert make_event(V11, type="m.room.redaction", content={"redacts": 5}).redacts is None
