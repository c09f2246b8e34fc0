"""What application services are sent, in which order, and what happens while they are away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from matrix_app.appservices import building, line, pump
from matrix_app.services import appservice_admin
from matrix_app.services.appservices import appservices
from matrix_app.storage import appservice_queue, db, rooms
from tests.factories.bridges import FakeBridges, make_ghost, serving, write_registration
from tests.factories.client import Client, ClientFactory
from tests.factories.restoring import restored_server
from tests.factories.sending import wait_until
from tests.factories.settings import settings
from tests.factories.visitor import ask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(pump, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(line, "FIRST_RETRY_MS", 20)


@pytest.fixture
def bridges(tmp_path: Path) -> Iterator[FakeBridges]:
    files = (write_registration(tmp_path, receive_ephemeral=True),)
    with settings(app_services={"registration_files": files}):
        yield FakeBridges()


class Portal:
    """A room of Alice and a user of the bridge."""

    def __init__(self, clients: ClientFactory) -> None:
        self.alice: Client = clients.make()
        self.ghost = make_ghost("_bridge_ben")
        self.room_id = self.alice.create_room(preset="public_chat")
        self.act("POST", f"/rooms/{quote(self.room_id)}/join", {})

    def act(self, method: str, path: str, body: Any = None) -> Any:
        """The bridge acts as its user."""
        reply = ask(method, f"{path}?user_id={quote(self.ghost)}", body, token="token of the bridge")
        assert reply.status == 200, reply.text
        return reply.body

    def say(self, text: str) -> str:
        """Alice says something; the event's ID."""
        event_id: str = self.alice.send(self.room_id, text).body["event_id"]
        return event_id

    def say_and_wait(self, text: str, bridges: FakeBridges) -> None:
        """Alice says something that arrives, and the sender knows that it has."""
        event_id = self.say(text)
        wait_until(lambda: bridges.has_event(event_id))
        wait_until(lambda: all(state.pending is None for state in appservice_queue.all_of_them()))


def test_a_service_gets_the_events_of_rooms_that_its_users_are_in_and_no_others(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    with serving(bridges):
        portal = Portal(clients)
        elsewhere = portal.alice.create_room()
        portal.alice.send(elsewhere, "private")
        event_id = portal.say("hello")
        wait_until(lambda: bridges.has_event(event_id))
    assert bridges.texts() == ["hello"]
    assert {event["room_id"] for event in bridges.items()} == {portal.room_id}
    [joined] = [event for event in bridges.items() if event.get("state_key") == portal.ghost]
    assert joined["content"]["membership"] == "join"
    [said] = [event for event in bridges.items() if event["type"] == "m.room.message"]
    assert (said["event_id"], said["sender"]) == (event_id, portal.alice.user_id)
    assert set(said["unsigned"]) == {"age"}


def test_rooms_and_aliases_of_its_namespaces_concern_it_whoever_is_there(
    clients: ClientFactory, tmp_path: Path
) -> None:
    alice = clients.make()
    by_id = alice.create_room()
    spaces = {"users": [], "aliases": [{"regex": "#_bridge_.*"}], "rooms": [{"regex": by_id}]}
    files = (write_registration(tmp_path, namespaces=spaces),)
    bridges = FakeBridges()
    with settings(app_services={"registration_files": files}), serving(bridges):
        by_alias = alice.create_room(room_alias_name="_bridge_garden")
        other = alice.create_room()
        for room_id in (other, by_id, by_alias):
            last = alice.send(room_id, room_id).body["event_id"]
        wait_until(lambda: bridges.has_event(last))
    assert bridges.texts() == [by_id, by_alias]


def test_an_invited_user_of_a_service_gets_the_state_that_invites_show(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    with serving(bridges):
        ghost = make_ghost("_bridge_ben")
        room_id = clients.make().create_room(name="Shed", invite=[ghost])
        wait_until(bridges.items)
    [invite] = bridges.items()
    assert (invite["room_id"], invite["state_key"]) == (room_id, ghost)
    names = [e["content"] for e in invite["unsigned"]["invite_room_state"] if e["type"] == "m.room.name"]
    assert names == [{"name": "Shed"}]


def test_transactions_come_in_order_and_wait_for_a_service_that_is_away(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    with serving(bridges):
        portal = Portal(clients)
        portal.say_and_wait("first", bridges)
        bridges.down.add("bridge")
        told = [f"m{number}" for number in range(20)]
        for text in told:
            last = portal.say(text)
        wait_until(lambda: len(bridges.attempts) > len(bridges.transactions) + 2)
        [state] = appservice_admin.states()
        assert state.fault == "bridge.invalid gave no answer"
        assert state.behind
        bridges.down.clear()
        wait_until(lambda: bridges.has_event(last))
    assert bridges.texts()[-20:] == told
    [state] = appservice_admin.states()
    assert (state.fault, state.failing_since_ts) == (None, None)


def test_a_transaction_stays_as_it_was_until_it_is_taken_even_across_a_restart(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    with serving(bridges):
        portal = Portal(clients)
        portal.say_and_wait("before", bridges)
        bridges.down.add("bridge")
        portal.say("one")
        wait_until(lambda: len(bridges.attempts) > len(bridges.transactions))
        portal.say("two")
    bridges.down.clear()
    refused = bridges.attempts[-1]
    with serving(bridges):
        last = portal.say("three")
        wait_until(lambda: bridges.has_event(last))
    same = [attempt for attempt in bridges.attempts if attempt[1] == refused[1]]
    assert len(same) >= 2
    assert {body for _, _, body in same} == {refused[2]}
    assert bridges.texts() == ["before", "one", "two", "three"]
    txn_ids = [txn_id for _, txn_id, _ in bridges.transactions]
    assert len(set(txn_ids)) == len(txn_ids)


@pytest.mark.parametrize("is_under_way", [True, False])
def test_after_a_restore_no_transaction_has_a_number_from_lost_time(
    clients: ClientFactory, bridges: FakeBridges, is_under_way: bool
) -> None:
    with serving(bridges):
        portal = Portal(clients)
        portal.say_and_wait("before", bridges)
        if is_under_way:
            bridges.down.add("bridge")
            portal.say("under way")
            wait_until(lambda: len(bridges.attempts) > len(bridges.transactions))
    last = int(bridges.attempts[-1][1])
    restored_server()
    bridges.down.clear()
    known = len(bridges.transactions)
    with serving(bridges):
        for text in ("one", "two"):
            portal.say_and_wait(text, bridges)
    numbers = [int(txn_id) for _, txn_id, _ in bridges.transactions[known:]]
    if is_under_way:
        assert numbers.pop(0) == last, "the service may have it already"
    assert min(numbers) > last + 1_000_000
    assert len(set(numbers)) == len(numbers)


def test_a_restart_repeats_nothing(clients: ClientFactory, bridges: FakeBridges) -> None:
    with serving(bridges):
        portal = Portal(clients)
        portal.say_and_wait("a", bridges)
    portal.say("b")
    with serving(bridges):
        wait_until(lambda: bridges.texts() == ["a", "b"])
        last = portal.say("c")
        wait_until(lambda: bridges.has_event(last))
    assert bridges.texts() == ["a", "b", "c"]


def test_a_big_backlog_goes_in_transactions_of_bounded_size(
    clients: ClientFactory, bridges: FakeBridges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matrix_app.appservices.building.MOST_EVENTS", 7)
    with serving(bridges):
        portal = Portal(clients)
        portal.say_and_wait("x", bridges)
    for number in range(30):
        last = portal.say(str(number))
    with serving(bridges):
        wait_until(lambda: bridges.has_event(last))
    assert bridges.texts()[1:] == [str(number) for number in range(30)]
    assert max(len(body["events"]) for _, _, body in bridges.transactions) <= 7


def test_a_service_that_is_down_holds_up_no_other(clients: ClientFactory, tmp_path: Path) -> None:
    everything = {"users": [], "aliases": [], "rooms": [{"regex": "!.*"}]}
    files = (
        write_registration(tmp_path, name="down", token="a", namespaces=everything),
        write_registration(tmp_path, name="up", token="b", namespaces=everything),
    )
    bridges = FakeBridges()
    bridges.down.add("down")
    with settings(app_services={"registration_files": files}), serving(bridges):
        alice = clients.make()
        event_id = alice.send(alice.create_room()).body["event_id"]
        wait_until(lambda: bridges.has_event(event_id, "up"))
    assert bridges.items(service="down") == []


def receipt_kinds(bridges: FakeBridges) -> dict[str, set[str]]:
    """Whose receipts of each kind have arrived."""
    found: dict[str, set[str]] = {}
    for item in bridges.items("ephemeral"):
        if item["type"] == "m.receipt":
            for kinds in item["content"].values():
                for kind, users in kinds.items():
                    found.setdefault(kind, set()).update(users)
    return found


def test_receipts_and_typing_come_with_their_room_and_private_receipts_only_of_own_users(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    with serving(bridges):
        portal = Portal(clients)
        event_id = portal.say("hello")
        room = f"/rooms/{quote(portal.room_id)}"
        portal.alice.post(f"{room}/receipt/m.read.private/{quote(event_id)}")
        portal.act("POST", f"{room}/receipt/m.read.private/{quote(event_id)}", {})
        portal.alice.put(f"{room}/typing/{quote(portal.alice.user_id)}", {"typing": True, "timeout": 20000})
        portal.alice.post(f"{room}/receipt/m.read/{quote(event_id)}")
        wait_until(
            lambda: any(
                "m.read" in str(item) and "m.read'" in str(item) for item in bridges.items("ephemeral")
            )
        )
    found = bridges.items("ephemeral")
    assert {item["room_id"] for item in found} == {portal.room_id}
    typists = [item["content"]["user_ids"] for item in found if item["type"] == "m.typing"]
    assert [portal.alice.user_id] in typists
    assert receipt_kinds(bridges) == {"m.read": {portal.alice.user_id}, "m.read.private": {portal.ghost}}


def test_presence_comes_of_those_who_share_a_room_with_a_services_user(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    with settings(presence={"enabled": True}), serving(bridges):
        portal, stranger = Portal(clients), clients.make()
        for client in (stranger, portal.alice):
            body = {"presence": "online", "status_msg": "here"}
            assert client.put(f"/presence/{client.user_id}/status", body).status == 200
        wait_until(lambda: any(item["type"] == "m.presence" for item in bridges.items("ephemeral")))
    found = [item for item in bridges.items("ephemeral") if item["type"] == "m.presence"]
    assert {item["sender"] for item in found} == {portal.alice.user_id}
    assert found[-1]["content"]["status_msg"] == "here"


def test_a_service_that_wants_no_ephemeral_data_gets_none(clients: ClientFactory, tmp_path: Path) -> None:
    bridges = FakeBridges()
    with settings(app_services={"registration_files": (write_registration(tmp_path),)}), serving(bridges):
        portal = Portal(clients)
        event_id = portal.say("hello")
        portal.alice.post(f"/rooms/{quote(portal.room_id)}/receipt/m.read/{quote(event_id)}")
        last = portal.say("last")
        wait_until(lambda: bridges.has_event(last))
    assert bridges.items("ephemeral") == []


def test_a_paused_service_gets_everything_when_it_goes_on(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    with serving(bridges):
        portal = Portal(clients)
        portal.say_and_wait("a", bridges)
        appservice_admin.set_paused("bridge", True)
        portal.say("b")
        with pytest.raises(AssertionError):
            wait_until(lambda: "b" in bridges.texts(), seconds=0.3)
        assert appservice_admin.states()[0].is_paused
        appservice_admin.set_paused("bridge", False)
        wait_until(lambda: bridges.texts() == ["a", "b"])


def test_services_come_and_go_while_the_server_runs(clients: ClientFactory) -> None:
    bridges = FakeBridges()
    alice = clients.make()
    room_id = alice.create_room()
    text = f"""{{id: late, url: "http://late.invalid", as_token: t, hs_token: h, sender_localpart: late,
               namespaces: {{rooms: [{{regex: "{room_id}", exclusive: false}}]}}}}"""
    with serving(bridges):
        alice.send(room_id, "before")
        appservice_admin.add(text)
        alice.send(room_id, "after")
        wait_until(lambda: bridges.texts("late") == ["after"])
        appservice_admin.remove("late")
        wait_until(lambda: not appservice_admin.states())
    assert appservice_queue.get("late") is None


def test_changes_stay_known_as_long_as_a_service_is_behind(
    clients: ClientFactory, bridges: FakeBridges, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matrix_app.services import clean_up

    monkeypatch.setattr(clean_up, "KEPT_CHANGES", 1)
    with serving(bridges):
        portal = Portal(clients)
        portal.say_and_wait("a", bridges)
    for text in "bcdef":
        last = portal.say(text)
    clean_up.trim_stream()
    with serving(bridges):
        wait_until(lambda: bridges.has_event(last))
    assert bridges.texts() == list("abcdef")


def test_no_room_is_left_in_the_dark_after_its_bridge_comes_to_it(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    alice = clients.make()
    with serving(bridges):
        room_id = alice.create_room(preset="public_chat")
        alice.send(room_id, "too early")
        portal = Portal.__new__(Portal)
        portal.alice, portal.room_id, portal.ghost = alice, room_id, make_ghost("_bridge_eve")
        portal.act("POST", f"/rooms/{quote(room_id)}/join", {})
        last = portal.say("in time")
        wait_until(lambda: bridges.has_event(last))
        assert bridges.texts() == ["in time"]
        portal.act("POST", f"/rooms/{quote(room_id)}/leave", {})
        portal.say("too late")
        again = Portal(clients)
        last = again.say("elsewhere")
        wait_until(lambda: bridges.has_event(last))
    assert bridges.texts() == ["in time", "elsewhere"]
    assert rooms.find(room_id) is not None
    assert db.value("SELECT count(*) FROM appservice_progress") == 1


def test_nothing_is_built_for_a_service_that_was_paused_meanwhile(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    portal = Portal(clients)
    to_bridge = line.Line(appservices()[0])
    assert to_bridge.next_transaction() is None
    portal.say("b")
    with db.write():
        appservice_queue.set_paused("bridge", True)
        assert not appservice_queue.put_pending("bridge", b"{}", 1, {})
    assert to_bridge.next_transaction() is None
    appservice_admin.set_paused("bridge", False)
    assert to_bridge.next_transaction() is not None


def test_a_fault_in_this_server_is_shown_and_what_broke_is_tried_again(
    bridges: FakeBridges, clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = Portal(clients)
    real, faults = building.build, [ValueError("a fault")] * 2
    shown = []

    def build(*args: Any) -> Any:
        if faults:
            raise faults.pop()
        progress = appservice_queue.get("bridge")
        shown.append(progress and progress.fault)
        return real(*args)

    with serving(bridges):
        monkeypatch.setattr(line, "build", build)
        event_id = portal.say("hello")
        wait_until(lambda: bridges.has_event(event_id))
    assert shown[0] == "A fault in this server, see its log: ValueError"
