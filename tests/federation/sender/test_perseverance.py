"""Nothing that a server is owed waits for ever, whatever breaks on the way."""

from __future__ import annotations

import random
from functools import partial

import pytest
import structlog

from matrix_app.federation.sender import delivery
from matrix_app.protocol.errors import MatrixError, RemoteError, RemoteUnreachable
from matrix_app.services.retry_server import let_ask
from matrix_app.storage import db, destination_list, destinations, interning, outbound, stream
from matrix_app.storage.clock import now_ms
from tests.factories.rooms import ALICE, StoredRoom
from tests.factories.sending import OtherServers, has_all, pass_time, sending, silence, wait_until

FAR = "@fran:far.example"
NEAR = "@nele:near.example"


@pytest.fixture
def others(transactional_db: None) -> OtherServers:
    return OtherServers()


def far() -> destination_list.ListedServer:
    found = destination_list.find("far.example")
    assert found is not None
    return found


def refusal(status: int = 403) -> RemoteError:
    return RemoteError("far.example", status, {"errcode": "M_FORBIDDEN", "error": "not you"})


def test_a_fault_in_this_server_is_logged_and_the_delivery_tried_again(
    others: OtherServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BROKEN_SECONDS", 0.0)
    room = StoredRoom(members=[FAR])
    others.broken["far.example"] = KeyError("a fault")
    with structlog.testing.capture_logs() as logged, sending(others):
        room.message(ALICE, "once more")
        wait_until(lambda: len(others.asked) >= 2)
        others.broken.clear()
        wait_until(lambda: others.bodies("far.example"))
    assert others.bodies("far.example") == ["once more"]
    assert {"event": "cannot send", "server": "far.example"}.items() <= logged[0].items()


def test_a_request_that_hangs_where_no_timeout_is_is_broken_off(
    others: OtherServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("BROKEN_SECONDS", 0.0), ("HANGS_SECONDS", 0.1), ("SEND_TIMEOUT", 0.0)):
        monkeypatch.setattr(delivery, name, seconds)
    room = StoredRoom(members=[FAR])
    with sending(others):
        others.accept_and_hang = True
        room.message(ALICE, "are you there?")
        wait_until(lambda: others.transactions)
        others.accept_and_hang = False
        wait_until(lambda: len(others.transactions) == 2)
    (_, first, _), (_, again, _) = others.transactions
    assert first == again


def test_why_a_server_takes_nothing_and_when_it_is_asked_again_is_shown(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    others.faults["far.example"] = refusal()
    with sending(others):
        room.message(ALICE)
        wait_until(lambda: far().refusal)
    assert (far().refusal, far().refused_until_ts > now_ms()) == ("not you", True)
    assert destination_list.count("hearth.example", kind="failing") == 1
    assert destination_list.count("hearth.example", kind="well") == 0


def test_a_server_that_refuses_is_asked_later_each_time_also_after_a_restart(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    others.faults["far.example"] = refusal()
    waits = []
    for _ in range(3):
        with sending(others):
            asked = len(others.asked)
            room.message(ALICE)
            pass_time()
            wait_until(lambda: len(others.asked) > asked and far().refused_until_ts)  # noqa: B023
            waits.append(far().refused_until_ts - now_ms())
    assert 7_000 < waits[0] <= 10_000 < waits[1] <= 20_000 < waits[2] <= 40_000


def test_an_administrator_may_have_a_server_asked_again_at_once(others: OtherServers) -> None:
    room = StoredRoom(members=[FAR])
    others.faults["far.example"] = refusal()
    with sending(others):
        room.message(ALICE, "now?")
        wait_until(lambda: far().refused_until_ts and far().is_behind)
        others.faults.clear()
        let_ask("far.example")
        wait_until(lambda: others.bodies("far.example") == ["now?"])
        wait_until(lambda: not far().is_behind)
    assert (far().refused_until_ts, far().refusal) == (0, None)


def test_what_a_proxy_says_of_a_server_that_is_down_does_not_outlast_its_first_sign_of_life(
    others: OtherServers,
) -> None:
    room = StoredRoom(members=[FAR])
    error = refusal(502)
    error.is_left_alone = True  # as the client says once it is noted
    others.faults["far.example"] = error
    with db.write():
        destinations.put_failure("far.example", now_ms(), now_ms() + 3_600_000, 3_600_000)
    with sending(others):
        room.message(ALICE, "while you were down")
        wait_until(lambda: far().is_behind)
        others.faults.clear()
        with db.write():
            destinations.put_success("far.example", now_ms())
        wait_until(lambda: others.bodies("far.example"))
    assert far().refused_until_ts == 0


def test_an_answer_that_breaks_off_each_time_is_logged_and_not_asked_for_every_second(
    others: OtherServers,
) -> None:
    room = StoredRoom(members=[FAR])
    others.faults["far.example"] = RemoteUnreachable("the answer is not JSON", may_have_arrived=True)
    with structlog.testing.capture_logs() as logged, sending(others):
        room.message(ALICE)
        wait_until(lambda: others.asked.count("far.example") >= 2)
        wait_until(lambda: sum(line["event"] == "a server takes nothing" for line in logged) >= 2)
    assert all(line["again_in"] > 0 for line in logged if line["event"] == "a server takes nothing")


def test_many_servers_that_refuse_hide_none_that_may_be_asked(others: OtherServers) -> None:
    with db.write():
        for number in range(4 * delivery.LATE_AT_ONCE + 1):
            nid = interning.server_nid(f"s{number}.example")
            outbound.put_sent({nid: (0, True)})
        db.execute("UPDATE destination SET refused_until_ts = %s, refusals = 1", (now_ms() + 3_600_000,))
    room = StoredRoom(members=[FAR])
    others.faults["far.example"] = silence()
    with sending(others):
        room.message(ALICE, "at last")
        wait_until(lambda: far().is_behind)
        others.faults.clear()
        wait_until(lambda: others.bodies("far.example"))


def test_what_the_log_has_no_longer_is_found_by_other_means(others: OtherServers) -> None:
    first, second = StoredRoom(members=[FAR]), StoredRoom(members=[FAR, NEAR])
    with sending(others):
        pass
    for room in (first, second):
        room.message(ALICE, "missed")
        room.message(ALICE, "the latest")
    stream.trim(keep=1)
    with sending(others):
        wait_until(lambda: len(others.bodies("far.example")) == 2 and others.bodies("near.example"))
        wait_until(lambda: not far().is_behind)
        first.message(ALICE, "and on")
        wait_until(lambda: len(others.bodies("far.example")) == 3)
    assert others.bodies("far.example") == ["the latest", "the latest", "and on"]
    assert others.bodies("near.example") == ["the latest"]


@pytest.mark.parametrize("seed", range(4))
def test_after_any_series_of_cuts_every_server_has_the_latest_of_each_room(
    others: OtherServers, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BROKEN_SECONDS", 0.0)
    chance = random.Random(seed)
    rooms = [StoredRoom(members=[FAR, NEAR]) for _ in range(3)]
    latest: dict[int, str] = {}
    for round_ in range(4):
        with sending(others):
            for step in range(8):
                set_fault(others, chance.choice(["far.example", "near.example"]), any_fault(chance))
                others.broken = {"far.example": KeyError("a fault")} if chance.random() < 0.1 else {}
                room = chance.choice(rooms)
                latest[room.nid] = f"{round_}.{step}"
                room.message(ALICE, latest[room.nid])
                if chance.random() < 0.4:
                    pass_time()
    others.faults.clear()
    others.broken.clear()
    with sending(others):
        for server in ("far.example", "near.example"):
            wait_until(partial(has_all, others, server, latest.values()))


def any_fault(chance: random.Random) -> MatrixError | None:
    return chance.choice([None, None, silence(), refusal(), refusal(500), RemoteUnreachable("cut off")])


def set_fault(others: OtherServers, server: str, fault: MatrixError | None) -> None:
    if fault is None:
        others.faults.pop(server, None)
    else:
        others.faults[server] = fault
