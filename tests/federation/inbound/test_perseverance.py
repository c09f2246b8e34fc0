"""What was acknowledged to another server is stored in the end, or dropped for a reason that is logged."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
import structlog

from matrix_app.federation.backoff import StoredBackoff
from matrix_app.federation.edus import dispatch
from matrix_app.federation.inbound import asking, background, filling, processing
from matrix_app.federation.inbound.asking import AskingService, fill_all
from matrix_app.federation.inbound.peers import use_peers
from matrix_app.federation.inbound.processing import MOST_ATTEMPTS
from matrix_app.federation.inbound.transaction import receive_transaction
from matrix_app.protocol.errors import MatrixError, RemoteError, RemoteUnreachable, Unavailable
from matrix_app.protocol.events import Event
from matrix_app.storage import db, destinations, events, interning, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.staging import NewPdu
from tests.factories.events import BOB, CAROL
from tests.factories.fake_peers import FakePeers, SignedRoom
from tests.factories.remote_rooms import JoinedRoom, row_of
from tests.factories.sending import wait_until
from tests.factories.tasks import run_tasks

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 24 * 3_600_000


class FaultyPeers(FakePeers):
    """Other servers that may answer with an error."""

    fault: MatrixError | None = None

    def ask(self, server: str, question: Any) -> Any:
        if self.fault is not None:
            raise self.fault
        return super().ask(server, question)


class Remote:
    """A room of other servers, with gaps in what they send."""

    def __init__(self) -> None:
        self.room = SignedRoom.opened("10", power_levels={"users": {BOB: 50}})
        assert isinstance(self.room, SignedRoom)
        self.room.join(BOB)
        self.room.join(CAROL)
        self.here = JoinedRoom(self.room)
        self.peers = FaultyPeers(self.room)
        self.serial = 0

    def put(self, *found: Event, origin: str = "b.example") -> None:
        self.serial += 1
        with use_peers(self.peers):
            receive_transaction(origin, str(self.serial), {"pdus": [event.pdu for event in found]})
            background.finish()
            run_tasks()

    def after_a_gap(self, text: str = "") -> Event:
        """An event whose predecessor was never sent here."""
        missing, last = self.room.message(BOB, "missing"), self.room.message(BOB, text)
        self.peers.learn(missing, last)
        return last

    def ask(self) -> None:
        """Ask for what is due."""
        with use_peers(self.peers):
            fill_all()


@pytest.fixture
def remote() -> Iterator[Remote]:
    yield Remote()
    background.finish()


def waiting() -> list[tuple[str, int, int]]:
    """The events that wait: their IDs, how often they were tried, in how many milliseconds they are due."""
    found = db.rows("SELECT event_id, attempts, retry_ts FROM staged_pdu ORDER BY nid")
    return [(event_id, attempts, max(0, at - now_ms())) for event_id, attempts, at in found]


def pass_time(milliseconds: int) -> None:
    with db.write():
        db.execute(
            "UPDATE staged_pdu SET retry_ts = retry_ts - %s, received_ts = received_ts - %s",
            (milliseconds, milliseconds),
        )


def silence() -> RemoteUnreachable:
    error = RemoteUnreachable("no answer")
    error.is_left_alone = True
    return error


def note_silence() -> None:
    with db.write():
        destinations.put_failure("b.example", now_ms(), now_ms() + DAY, DAY)


@pytest.mark.parametrize(
    "fault",
    [
        RemoteUnreachable("no answer"),
        RemoteError("b.example", 503, {}),
        RemoteError("b.example", 429, {}),
    ],
    ids=["silent", "503", "429"],
)
def test_an_event_outlasts_a_cut_of_days_with_nothing_new_after_it(
    remote: Remote, fault: MatrixError
) -> None:
    last = remote.after_a_gap()
    remote.peers.fault = fault
    remote.put(last)
    for hours in range(6 * 24):
        assert [event_id for event_id, _, _ in waiting()] == [last.event_id], hours
        assert waiting()[0][2] <= filling.LONGEST_RETRY_MS
        pass_time(3_600_000)
        remote.ask()
    remote.peers.fault = None
    pass_time(3_600_000)
    remote.ask()
    assert row_of(last).position is not None
    assert waiting() == []


def test_a_server_that_stays_away_for_a_week_is_given_up(remote: Remote) -> None:
    remote.peers.fault = RemoteUnreachable("no answer")
    remote.put(remote.after_a_gap())
    with structlog.testing.capture_logs() as logged:
        for _ in range(MOST_ATTEMPTS):
            pass_time(2 * DAY)
            remote.ask()
    assert waiting() == []
    assert logged[-1]["reason"] == "unanswered"


def test_what_a_server_does_not_give_is_given_up_after_a_few_attempts(remote: Remote) -> None:
    remote.peers.fault = RemoteError("b.example", 403, {"errcode": "M_FORBIDDEN"})
    remote.put(remote.after_a_gap())
    for attempts in range(1, MOST_ATTEMPTS):
        assert [tried for _, tried, _ in waiting()] == [attempts]
        pass_time(DAY // 24)
        remote.ask()
    assert waiting() == []


def test_of_a_silent_server_only_the_latest_events_of_a_room_stay_and_bring_the_others(
    remote: Remote,
) -> None:
    sent = [remote.after_a_gap(str(number)) for number in range(12)]
    remote.peers.fault = RemoteUnreachable("no answer")
    for event in sent:
        remote.put(event)
    for _ in range(MOST_ATTEMPTS):
        pass_time(3_600_000)
        remote.ask()
    kept = [event.event_id for event in sent[-filling.KEPT_OF_A_ROOM :]]
    assert [event_id for event_id, _, _ in waiting()] == kept
    assert not staging.standing(interning.server_nid("b.example"), 0, MOST_ATTEMPTS).is_full
    remote.peers.fault = None
    pass_time(3_600_000)
    remote.ask()
    assert all(row_of(event).position is not None for event in sent[-filling.KEPT_OF_A_ROOM :])
    assert waiting() == []


def test_a_server_that_shows_life_is_asked_at_once(remote: Remote) -> None:
    last = remote.after_a_gap()
    remote.peers.fault = silence()
    note_silence()
    remote.put(last)
    for _ in range(8):
        pass_time(3_600_000)
        remote.ask()
    assert waiting()[0][2] > 1_000_000
    remote.peers.fault = None
    StoredBackoff().succeeded("b.example")
    remote.ask()
    assert row_of(last).position is not None


def test_a_server_that_shows_life_while_it_is_asked_in_vain_is_asked_again_soon(remote: Remote) -> None:
    remote.peers.fault = silence()
    note_silence()
    remote.put(remote.after_a_gap())
    for _ in range(8):
        pass_time(3_600_000)
        remote.ask()
    StoredBackoff().succeeded("b.example")
    remote.ask()  # the question had left before
    assert 0 < waiting()[0][2] <= filling.FIRST_RETRY_MS


def test_a_server_with_many_rooms_that_hangs_hides_no_other(remote: Remote) -> None:
    hung, other = interning.server_nid("hung.example"), interning.server_nid("other.example")
    with db.write():
        staging.add(
            [NewPdu(1000 + n, hung, f"$h{n}", b"{}", now_ms(), needs_asking=True) for n in range(300)]
        )
        staging.add([NewPdu(2000, other, "$o", b"{}", now_ms(), needs_asking=True)])
    assert [found.origin_nid for found in staging.to_ask(now_ms(), 200, [hung])] == [other]


@contextmanager
def failing(name: str, fault: Exception, when: Callable[[Event], bool]) -> Iterator[None]:
    """Judging some events breaks, by a fault in this server."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (processing, filling):
            real = getattr(module, name, None)
            if real is not None:
                patched.setattr(module, name, breaking(real, fault, when))
        yield


def breaking(real: Callable[..., Any], fault: Exception, when: Callable[[Event], bool]) -> Callable[..., Any]:
    def judge(room: Any, event: Any, *args: Any, **more: Any) -> Any:
        found = event if isinstance(event, list) else [event]
        if any(when(one) for one in found):
            raise fault
        return real(room, event, *args, **more)

    return judge


def test_an_event_that_breaks_its_judge_holds_up_no_other(remote: Remote) -> None:
    bad, *good = [remote.room.message(BOB, str(number)) for number in range(4)]
    fork = remote.room.fork()
    is_bad = lambda event: event.event_id == bad.event_id  # noqa: E731
    other = fork.message(CAROL, "beside")
    remote.peers.learn(bad, *good, other)
    fault = ValueError("a fault")
    with (
        structlog.testing.capture_logs() as logged,
        failing("store_received", fault, is_bad),
        failing("store_line", fault, is_bad),
        failing("store_asking", fault, is_bad),
    ):
        remote.put(bad, origin="c.example")
        assert [event_id for event_id, _, _ in waiting()] == [bad.event_id]
        for _ in range(MOST_ATTEMPTS):
            pass_time(3_600_000)
            remote.ask()
    assert waiting() == []
    assert any(line["event"] == "an event cannot be judged" for line in logged)
    assert [line["reason"] for line in logged if line["event"] == "refused"][-1] == "fault"
    remote.put(*good)
    assert row_of(good[-1]).position is not None


def test_an_event_that_passes_the_second_time_is_stored(remote: Remote) -> None:
    message = remote.room.message(BOB)
    fault = ValueError("a fault")
    with (
        failing("store_received", fault, bool),
        failing("store_line", fault, bool),
        failing("store_asking", fault, bool),
    ):
        remote.put(message, origin="c.example")
    assert [tried for _, tried, _ in waiting()] == [1]
    pass_time(filling.FIRST_RETRY_MS)
    remote.ask()
    assert row_of(message).position is not None


def test_a_busy_room_costs_no_attempt(remote: Remote) -> None:
    last = remote.after_a_gap()
    with failing("store_asking", Unavailable("the room is busy"), bool):
        remote.put(last)
    assert [(event_id, tried) for event_id, tried, _ in waiting()] == [(last.event_id, 0)]
    assert waiting()[0][2] > 0
    pass_time(filling.FIRST_RETRY_MS)
    remote.ask()
    assert row_of(last).position is not None


def test_a_room_that_cannot_be_looked_at_holds_up_no_other_and_ends_no_thread(remote: Remote) -> None:
    last = remote.after_a_gap()
    broken = interning.server_nid("c.example")
    with db.write():
        # A room that is not there: judging it breaks.
        staging.add([NewPdu(10**9, broken, "$broken", b"{}", 0, needs_asking=False)])
    remote.peers.fault = RemoteUnreachable("no answer")
    remote.put(last)
    remote.peers.fault = None
    pass_time(filling.FIRST_RETRY_MS)
    service = AskingService()
    with structlog.testing.capture_logs() as logged, use_peers(remote.peers):
        service.start()
        wait_until(lambda: events.row_by_id(last.event_id) is not None)
        service.stop()
    assert any(line["event"] == "received events wait" for line in logged)


def test_a_database_that_is_away_at_the_start_is_asked_again(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "POLL_SECONDS", 0.02)
    last = remote.after_a_gap()
    remote.peers.fault = RemoteUnreachable("no answer")
    remote.put(last)
    remote.peers.fault = None
    pass_time(filling.FIRST_RETRY_MS)
    real, faults = staging.release_all, [db.PASSING[0]("locked")] * 3

    def release_all() -> None:
        if faults:
            raise faults.pop()
        real()

    monkeypatch.setattr(staging, "release_all", release_all)
    service = AskingService()
    with use_peers(remote.peers):
        service.start()
        wait_until(lambda: events.row_by_id(last.event_id) is not None)
        service.stop()


def test_an_edu_that_breaks_its_receiver_is_logged_and_the_transaction_taken(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_origin: str, _content: dict[str, Any]) -> None:
        raise KeyError("a fault")

    monkeypatch.setattr(dispatch, "_RECEIVERS", {"m.typing": broken})
    message = remote.room.message(BOB)
    body = {"pdus": [message.pdu], "edus": [{"edu_type": "m.typing", "content": {}}]}
    with structlog.testing.capture_logs() as logged, use_peers(remote.peers):
        answer = orjson.loads(receive_transaction("b.example", "txn", body))
    assert answer == {"pdus": {message.event_id: {}}}
    assert logged[0]["event"] == "an EDU cannot be received"


@pytest.mark.parametrize("seed", range(4))
def test_after_any_series_of_cuts_every_event_that_was_acknowledged_is_here(
    remote: Remote, seed: int
) -> None:
    chance = random.Random(seed)
    last = []
    for number in range(20):
        fault = chance.choice([None, RemoteUnreachable("cut"), silence(), RemoteError("b.example", 502, {})])
        remote.peers.fault = fault
        event = remote.after_a_gap(str(number)) if chance.random() < 0.6 else remote.room.message(BOB)
        remote.peers.learn(event)
        remote.put(event, origin=chance.choice(["b.example", "c.example"]))
        last.append(event)
        if chance.random() < 0.3:
            pass_time(chance.choice([20_000, 600_000]))
            remote.ask()
    remote.peers.fault = None
    for _ in range(4):
        pass_time(filling.LONGEST_RETRY_MS)
        remote.ask()
    assert waiting() == []
    missing = [event.event_id for event in last[-filling.KEPT_OF_A_ROOM :] if not is_here(event)]
    assert missing == []
    assert remote.here.extremities() == {last[-1].event_id}


def is_here(event: Event) -> bool:
    row = events.row_by_id(event.event_id)
    return row is not None and not row.is_outlier
