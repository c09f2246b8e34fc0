"""Changes for which it cannot be found whom they are for: all others are sent, and these are not lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import partial

import pytest
import structlog

from appliance.diagnostics.checks import work
from appliance.diagnostics.result import Status
from matrix_app.federation.sender import delivery, unrouted
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.storage import outbound, unrouted_changes
from matrix_app.storage.clock import now_ms
from matrix_app.storage.outbound import OwedEvent
from tests.factories.rooms import ALICE, StoredRoom
from tests.factories.sending import OtherServers, has_all, pass_time, sending, silence, wait_until

FAR = "@fran:far.example"
NEAR = "@nele:near.example"


@pytest.fixture
def others(transactional_db: None) -> OtherServers:
    return OtherServers()


class Fault:
    """Breaks the routing of events of some rooms, while there are any."""

    def __init__(self, find: Callable[[Iterable[int], int, int], list[OwedEvent]]) -> None:
        self._find = find
        self.rooms: set[int] = set()

    def owed_events(self, room_nids: Iterable[int], after: int, upto: int) -> list[OwedEvent]:
        if self.rooms.intersection(room_nids):
            raise ValueError("a fault")
        return self._find(room_nids, after, upto)


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Fault:
    made = Fault(outbound.owed_events)
    monkeypatch.setattr(outbound, "owed_events", made.owed_events)
    return made


def test_what_breaks_its_routing_is_logged_and_all_others_are_sent(
    others: OtherServers, fault: Fault
) -> None:
    good, bad = StoredRoom(members=[FAR]), StoredRoom(members=[FAR])
    fault.rooms.add(bad.nid)
    with sending(others):
        pass
    for number in range(3):
        good.message(ALICE, str(number))
        bad.message(ALICE, "it breaks")
    with structlog.testing.capture_logs() as logged, sending(others):
        wait_until(lambda: others.bodies("far.example")[-1:] == ["2"])
    assert others.bodies("far.example") == ["0", "1", "2"]
    assert sum("cannot be found" in line["event"] for line in logged) == 3
    assert unrouted_changes.count() == 3


def test_it_reaches_its_servers_once_the_fault_is_gone_also_after_a_restart(
    others: OtherServers, fault: Fault
) -> None:
    bad, good = StoredRoom(members=[FAR, NEAR]), StoredRoom(members=[FAR])
    fault.rooms.add(bad.nid)
    with sending(others):
        bad.message(ALICE, "it breaks")
        good.message(ALICE, "and on")
        wait_until(lambda: others.bodies("far.example"))
    fault.rooms.clear()
    pass_time()
    with sending(others):
        wait_until(lambda: "it breaks" in others.bodies("far.example"))
        wait_until(lambda: others.bodies("near.example") == ["it breaks"])
        wait_until(lambda: unrouted_changes.count() == 0)


def test_it_is_tried_again_later_each_time_and_shown(others: OtherServers, fault: Fault) -> None:
    bad = StoredRoom(members=[FAR])
    assert work.unrouted().status is Status.OK
    fault.rooms.add(bad.nid)
    before = now_ms()
    with sending(others):
        bad.message(ALICE, "it breaks")
        wait_until(unrouted_changes.count)
    (change,) = unrouted_changes.due(now_ms() + unrouted.FIRST_RETRY_MS, 10)
    assert change.attempts == 1
    assert unrouted_changes.due(before + unrouted.FIRST_RETRY_MS - 1, 10) == []
    pass_time()
    with sending(others):
        wait_until(lambda: not unrouted_changes.due(now_ms(), 10))
    assert unrouted_changes.due(now_ms() + unrouted.FIRST_RETRY_MS, 10) == []
    (change,) = unrouted_changes.due(now_ms() + 2 * unrouted.FIRST_RETRY_MS, 10)
    assert change.attempts == 2
    finding = work.unrouted()
    assert finding.status is Status.ERROR
    assert "a fault" in str(finding.summary)


def test_a_server_that_is_away_gets_it_when_it_is_back(others: OtherServers, fault: Fault) -> None:
    bad = StoredRoom(members=[FAR])
    fault.rooms.add(bad.nid)
    with sending(others):
        bad.message(ALICE, "it breaks")
        wait_until(unrouted_changes.count)
        others.faults["far.example"] = silence()
        fault.rooms.clear()
        pass_time()
        wait_until(lambda: not unrouted_changes.count() and others.asked)
        others.faults.clear()
        wait_until(lambda: others.bodies("far.example") == ["it breaks"])


def test_where_too_many_wait_every_server_is_asked_what_it_lacks(
    others: OtherServers, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unrouted, "MOST", 1)
    bad = StoredRoom(members=[FAR, NEAR])
    with sending(others):
        pass
    fault.rooms.add(bad.nid)
    for number in range(3):
        bad.message(ALICE, str(number))
    with sending(others):
        for server in ("far.example", "near.example"):
            wait_until(lambda: others.bodies(server) == ["2"])  # noqa: B023
    assert unrouted_changes.count() == 0


@pytest.mark.parametrize("seed", range(4))
def test_whatever_else_breaks_every_server_has_the_latest_of_each_room_in_the_end(
    others: OtherServers, fault: Fault, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BROKEN_SECONDS", 0.0)
    monkeypatch.setattr(unrouted, "MOST", 12)
    chance = random.Random(seed)
    rooms = [StoredRoom(members=[FAR, NEAR]) for _ in range(3)]
    latest: dict[int, str] = {}
    for round_ in range(4):
        with sending(others):
            for step in range(8):
                fault.rooms = {room.nid for room in rooms if chance.random() < 0.3}
                others.faults.clear()
                if chance.random() < 0.5:
                    server = chance.choice(["far.example", "near.example"])
                    others.faults[server] = chance.choice([silence(), RemoteUnreachable("cut off")])
                room = chance.choice(rooms)
                latest[room.nid] = f"{round_}.{step}"
                room.message(ALICE, latest[room.nid])
                if chance.random() < 0.4:
                    pass_time()
    fault.rooms.clear()
    others.faults.clear()
    with sending(others):
        for server in ("far.example", "near.example"):
            wait_until(partial(has_all, others, server, latest.values()))
        wait_until(lambda: not unrouted_changes.count())
