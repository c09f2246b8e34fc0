"""Device lists of users of other servers: kept current by what these tell, asked for where that has gaps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from matrix_app.federation import loop
from matrix_app.federation.device_lists import AT_ONCE, OF_ONE_SERVER, Resync
from matrix_app.federation.edus import device_lists
from matrix_app.protocol.errors import Forbidden, RemoteUnreachable
from matrix_app.protocol.remote_keys import MOST_DEVICES, RemoteKeys
from matrix_app.services import remote_devices as service
from matrix_app.storage import (
    cross_signing,
    db,
    destinations,
    device_changes,
    device_messages,
    interning,
    outbound_devices,
    remote_devices,
)
from matrix_app.storage.clock import now_ms
from tests.factories.key_servers import KeyServers, RemoteUser
from tests.factories.rooms import ALICE, BOB, StoredRoom
from tests.factories.statements import recorded

FRAN = "@fran:far.example"
EVER = (1 << 63) - 1


class Kept:
    """What this server has of Fran, who is in a room with Alice."""

    def __init__(self) -> None:
        self.room = StoredRoom(members=[FRAN])
        self.fran = RemoteUser(FRAN, "ONE")
        self.servers = KeyServers(self.fran)
        self.nid = interning.user_nid(FRAN)
        self._told = 0

    def tell(self, content: dict[str, Any], origin: str = "far.example") -> None:
        """Fran's server sends an `m.device_list_update`."""
        device_lists.receive_update(origin, content)

    def resync(self) -> list[str]:
        """Let the background ask for what is due; what it asked for."""
        before = len(self.servers.asked)
        loop.run(Resync(self.servers).run(), 20)
        return [what for _, _, what in self.servers.asked[before:]]

    def learn(self) -> None:
        """Learn Fran's list."""
        self.tell(self.fran.add("ONE"))
        self.resync()
        self.news()

    def due_now(self) -> None:
        """Let the time pass until everything is due again."""
        db.execute("UPDATE remote_device_list SET retry_ts = 0")

    @property
    def devices(self) -> set[str]:
        return set(remote_devices.devices_of(self.nid))

    @property
    def is_current(self) -> bool:
        row = remote_devices.of_users([self.nid]).get(self.nid)
        return row is not None and row.is_current

    def news(self) -> bool:
        """Whether those who share a room with Fran have been told anything since this was last asked."""
        sql = "SELECT count(*) FROM device_list_change WHERE user_nid = %s"
        before, self._told = self._told, int(db.value(sql, (self.nid,)))
        return self._told > before


@pytest.fixture
def kept(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    monkeypatch.setattr(service, "GATHER_MS", 0)
    yield Kept()
    loop.stop()


def test_the_first_change_of_a_user_has_the_whole_list_asked_for(kept: Kept) -> None:
    kept.tell(kept.fran.add("TWO"))
    assert not kept.is_current
    assert kept.resync() == [FRAN]
    assert kept.is_current
    assert kept.devices == {"ONE", "TWO"}
    assert kept.news()
    assert kept.resync() == []


def test_changes_of_one_moment_are_asked_for_together(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "GATHER_MS", 300)
    kept.tell(kept.fran.add("TWO"))
    assert service.claim_due(10, 10) == []
    kept.tell(kept.fran.add("THREE"))
    device_lists.receive_keys("far.example", kept.fran.cross_sign())
    assert kept.resync() == [FRAN]
    assert kept.is_current
    assert kept.devices == {"ONE", "TWO", "THREE"}


def test_changes_that_follow_on_one_another_are_taken_in_as_they_come(kept: Kept) -> None:
    kept.learn()
    kept.tell(kept.fran.add("TWO", "Phone"))
    assert kept.devices == {"ONE", "TWO"}
    assert remote_devices.devices_of(kept.nid)["TWO"].display_name == "Phone"
    assert kept.news()
    kept.tell(kept.fran.remove("ONE"))
    assert kept.devices == {"TWO"}
    assert kept.news()
    assert kept.is_current
    assert kept.resync() == []


def test_a_gap_has_the_list_asked_for_again(kept: Kept) -> None:
    kept.learn()
    kept.fran.add("LOST")
    kept.tell(kept.fran.add("TWO"))
    assert not kept.is_current
    assert kept.devices == {"ONE"}
    assert kept.resync() == [FRAN]
    assert kept.devices == {"ONE", "LOST", "TWO"}
    assert kept.news()
    kept.tell(kept.fran.add("THREE"))
    assert kept.is_current


def test_changes_that_come_while_the_list_is_out_of_date_ask_for_it_once(kept: Kept) -> None:
    kept.learn()
    kept.fran.add("LOST")
    for number in range(5):
        kept.tell(kept.fran.add(f"D{number}"))
    assert kept.resync() == [FRAN]
    assert kept.is_current


@pytest.mark.parametrize("prev_id", [[], [9], [10, 9], None])
def test_a_change_that_does_not_name_the_one_before_is_a_gap(kept: Kept, prev_id: Any) -> None:
    kept.learn()
    kept.tell({**kept.fran.add("TWO"), "prev_id": prev_id})
    assert not kept.is_current


def test_a_change_that_comes_again_changes_nothing(kept: Kept) -> None:
    kept.learn()
    added, removed = kept.fran.add("TWO"), kept.fran.remove("TWO")
    kept.tell(added)
    kept.tell(added)
    kept.tell(removed)
    kept.news()
    kept.tell(removed)
    assert kept.is_current
    assert not kept.news()
    # An older one is no repetition: the server may count anew. The list that it tells decides.
    kept.tell(added)
    assert kept.resync() == [FRAN]
    assert kept.devices == {"ONE"}


def test_a_change_while_the_list_is_on_its_way_is_not_lost(kept: Kept) -> None:
    kept.tell(kept.fran.add("TWO"))
    early = kept.fran.device_list()

    class Slow(KeyServers):
        async def device_list(self, server: str, user_id: str, seconds: float) -> Any:
            kept.servers.asked.append((server, "devices", user_id))
            if len(kept.servers.asked) > 1:
                return kept.fran.device_list()
            await loop.in_thread(kept.tell, kept.fran.add("THREE"))
            return early

    loop.run(Resync(Slow()).run(), 20)
    assert len(kept.servers.asked) == 2
    assert kept.devices == {"ONE", "TWO", "THREE"}
    assert kept.is_current


def test_the_answer_of_before_a_leave_does_not_pass_for_current_after_the_return(kept: Kept) -> None:
    kept.tell(kept.fran.add("TWO"))
    (due,) = service.claim_due(10, 10)
    kept.room.leave(FRAN)
    kept.room.join(FRAN)
    kept.tell(kept.fran.add("THREE"))
    before = service.FreshList(kept.nid, due.epoch, RemoteKeys({}, None, None, 1))
    service.store([before], tell=True)
    assert not kept.is_current


def test_a_list_that_cannot_be_had_is_tried_again_later_each_time(kept: Kept) -> None:
    kept.servers.faults["far.example"] = RemoteUnreachable("gone")
    kept.tell(kept.fran.add("TWO"))
    waits = []
    for _ in range(12):
        kept.due_now()
        assert kept.resync() == [FRAN]
        retry_ts = db.value("SELECT retry_ts FROM remote_device_list")
        waits.append(round((retry_ts - now_ms()) / 10_000))
    assert waits == [3, 6, 12, 24, 48, 96, 192, 360, 360, 360, 360, 360]
    sql = "SELECT count(*) FROM device_list_change WHERE user_nid = %s"
    assert db.value(sql, (kept.nid,)) == 1  # told once that it is out of date
    kept.servers.faults.clear()
    kept.due_now()
    kept.resync()
    assert kept.is_current


def test_a_server_that_is_left_alone_is_not_asked_before_that_is_over(kept: Kept) -> None:
    until = now_ms() + 7_200_000
    kept.servers.faults["far.example"] = RemoteUnreachable("gone", retry_at_ts=until)
    kept.tell(kept.fran.add("TWO"))
    kept.resync()
    assert db.value("SELECT retry_ts FROM remote_device_list") == until


def test_lists_are_asked_for_as_soon_as_their_server_is_back(kept: Kept) -> None:
    kept.servers.faults["far.example"] = RemoteUnreachable("gone")
    kept.tell(kept.fran.add("TWO"))
    destinations.put_failure("far.example", now_ms(), now_ms() + 60_000, 60_000)
    assert kept.resync() == [FRAN]
    assert kept.resync() == []
    kept.servers.faults.clear()
    destinations.put_success("far.example", now_ms() + 1000)
    assert kept.resync() == [FRAN]
    assert kept.is_current


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"user_id": "@other:far.example", "devices": [], "stream_id": 1},
        {"user_id": FRAN, "stream_id": 1},
        {
            "user_id": FRAN,
            "stream_id": 1,
            "devices": [{"device_id": str(n)} for n in range(MOST_DEVICES + 1)],
        },
    ],
)
def test_an_answer_that_is_no_list_counts_as_none(kept: Kept, answer: Any) -> None:
    kept.servers.lies["devices"] = answer
    kept.tell(kept.fran.add("TWO"))
    kept.resync()
    assert not kept.is_current
    assert kept.devices == set()


def test_two_processes_do_not_ask_for_the_same_list(kept: Kept) -> None:
    kept.tell(kept.fran.add("TWO"))
    assert [due.user_id for due in service.claim_due(10, 10)] == [FRAN]
    assert service.claim_due(10, 10) == []


def test_a_server_with_many_lists_does_not_keep_those_of_others_waiting(kept: Kept) -> None:
    for number in range(20):
        kept.room.join(f"@u{number}:slow.example")
        content = {"user_id": f"@u{number}:slow.example", "device_id": "D", "stream_id": 1}
        device_lists.receive_update("slow.example", content)
    kept.tell(kept.fran.add("TWO"))
    taken = [due.server for due in service.claim_due(100, 8)]
    assert taken.count("slow.example") == 8
    assert taken.count("far.example") == 1
    assert len(service.claim_due(100, 8)) == 8


def test_processes_that_claim_at_the_same_time_share_the_work(kept: Kept) -> None:
    for number in range(30):
        user_id = f"@u{number}:s{number}.example"
        kept.room.join(user_id)
        content = {"user_id": user_id, "device_id": "D", "stream_id": 1}
        device_lists.receive_update(f"s{number}.example", content)
    start = threading.Barrier(6)
    taken: list[str] = []

    def claim() -> None:
        try:
            start.wait(10)
            taken.extend(due.user_id for due in service.claim_due(20, 8))
            taken.extend(due.user_id for due in service.claim_due(20, 8))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == len(set(taken)) == 30


def test_a_server_that_knows_of_keys_alone_is_asked_for_these(kept: Kept) -> None:
    kept.servers.know_lists = False
    kept.tell(kept.fran.add("TWO"))
    assert kept.resync() == [FRAN, {FRAN: []}]
    assert kept.devices == {"ONE", "TWO"}
    assert kept.is_current
    kept.tell(kept.fran.add("THREE"))
    kept.resync()
    assert kept.devices == {"ONE", "TWO", "THREE"}


def test_a_user_whom_their_server_does_not_know_is_asked_about_again_later(kept: Kept) -> None:
    kept.tell(kept.fran.add("TWO"))
    del kept.servers.users[FRAN]
    assert kept.resync() == [FRAN, {FRAN: []}]
    assert not kept.is_current
    assert kept.resync() == []


def test_only_so_many_lists_are_asked_for_at_once(kept: Kept) -> None:
    users = [f"@u{n}:s{n % 8}.example" for n in range(80)]
    for user_id in users:
        kept.room.join(user_id)
        device_lists.receive_update(
            user_id.partition(":")[2], {"user_id": user_id, "device_id": "D", "stream_id": 1}
        )
    busy: dict[str, int] = {}
    most: dict[str, int] = {}

    class Counting(KeyServers):
        async def device_list(self, server: str, user_id: str, seconds: float) -> Any:
            for name in (server, "all"):
                busy[name] = busy.get(name, 0) + 1
                most[name] = max(most.get(name, 0), busy[name])
            await asyncio.sleep(0.005)
            for name in (server, "all"):
                busy[name] -= 1
            return {"user_id": user_id, "stream_id": 1, "devices": []}

    loop.run(Resync(Counting()).run(), 30)
    assert most.pop("all") == AT_ONCE
    assert max(most.values()) <= OF_ONE_SERVER
    assert db.value("SELECT count(*) FROM remote_device_list WHERE NOT is_current") == 0


def test_a_server_tells_of_its_own_users_only(kept: Kept) -> None:
    with pytest.raises(Forbidden):
        kept.tell(kept.fran.add("TWO"), origin="evil.example")
    with pytest.raises(Forbidden):
        kept.tell({"user_id": ALICE, "device_id": "D", "stream_id": 1})
    assert remote_devices.of_users([kept.nid]) == {}


def test_nothing_is_kept_of_users_who_share_no_room(kept: Kept) -> None:
    device_lists.receive_update("far.example", RemoteUser("@gus:far.example").add("ONE"))
    kept.room.invite("@hana:far.example")
    device_lists.receive_update("far.example", RemoteUser("@hana:far.example").add("ONE"))
    assert db.value("SELECT count(*) FROM remote_device_list") == 0
    assert kept.resync() == []


def test_a_list_goes_when_its_user_leaves_the_last_shared_room(kept: Kept) -> None:
    other = StoredRoom(members=[FRAN])
    kept.learn()
    device_lists.receive_keys("far.example", kept.fran.cross_sign())
    kept.room.leave(FRAN)
    assert kept.is_current
    other.state("m.room.member", {"membership": "ban"}, FRAN)
    assert not kept.is_current
    assert kept.devices == set()
    assert cross_signing.of_user(kept.nid) == {}


def test_lists_go_when_the_last_user_of_this_server_leaves(kept: Kept) -> None:
    kept.room.join(BOB)
    kept.learn()
    kept.room.leave(BOB)
    assert kept.is_current
    kept.room.leave(ALICE)
    assert kept.devices == set()
    assert db.value("SELECT count(*) FROM remote_device_list") == 0


def test_what_was_left_over_is_swept_up(kept: Kept) -> None:
    kept.learn()
    assert service.drop_unshared() == 0
    db.execute("UPDATE room_summary SET local_joined_members = 0")
    assert service.drop_unshared() == 1
    assert kept.devices == set()


def test_new_signing_keys_are_taken_in(kept: Kept) -> None:
    kept.learn()
    first = kept.fran.cross_sign()
    device_lists.receive_keys("far.example", first)
    assert set(cross_signing.of_user(kept.nid)) == {"master", "self_signing"}
    assert kept.news()
    device_lists.receive_keys("far.example", first)
    assert not kept.news()
    # With another master key goes the self-signing key that the old one signed.
    other = kept.fran.cross_sign()
    del other["self_signing_key"]
    device_lists.receive_keys("far.example", other)
    assert set(cross_signing.of_user(kept.nid)) == {"master"}
    assert kept.is_current


def test_signing_keys_of_a_user_whose_list_is_not_here_have_it_asked_for(kept: Kept) -> None:
    device_lists.receive_keys("far.example", kept.fran.cross_sign())
    assert kept.resync() == [FRAN]
    assert set(cross_signing.of_user(kept.nid)) == {"master", "self_signing"}


def test_a_user_cannot_have_any_number_of_devices(kept: Kept) -> None:
    kept.learn()
    rows = [(kept.nid, f"D{n}", b'{"a":1}', 0) for n in range(MOST_DEVICES)]
    db.insert_many("INSERT INTO device_keys (user_nid, device_id, keys, stream_id) VALUES {values}", 4, rows)
    kept.tell(kept.fran.add("TWO"))
    assert not kept.is_current
    assert "TWO" not in kept.devices


def test_those_who_share_a_room_are_told_by_the_stream(kept: Kept) -> None:
    kept.learn()
    kept.tell(kept.fran.add("TWO"))
    assert device_messages.lists_changed([kept.nid], 0, EVER) == {kept.nid}


def test_changes_answers_and_leaves_at_the_same_time_do_not_wait_for_one_another(kept: Kept) -> None:
    others = [RemoteUser(f"@u{n}:far.example", "D") for n in range(5)]
    for other in others:
        kept.room.join(other.user_id)
    users = [kept.fran, *others]
    nids = [interning.user_nid(user.user_id) for user in users]
    faults: list[BaseException] = []

    def change(number: int) -> None:
        kept.tell(users[number % len(users)].add(f"D{number}"))

    def answer(number: int) -> None:
        found = remote_devices.of_users(nids[::-1] if number % 2 else nids)
        keys = RemoteKeys({}, None, None, number)
        service.store([service.FreshList(nid, row.epoch, keys) for nid, row in found.items()], tell=True)

    def move(number: int) -> None:
        (kept.room.join if number % 2 else kept.room.leave)(FRAN)

    def work(step: Callable[[int], None]) -> None:
        try:
            for number in range(20):
                step(number)
        except BaseException as error:  # noqa: BLE001  (for the thread that runs the test)
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(step,)) for step in (change, answer, answer, move)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    kept.room.leave(FRAN)
    assert kept.devices == set()


def test_every_statement_finds_its_rows_by_an_index(kept: Kept) -> None:
    with recorded() as statements:
        kept.learn()
        kept.tell(kept.fran.add("TWO"))
        device_lists.receive_keys("far.example", kept.fran.cross_sign())
        kept.fran.add("LOST")
        kept.tell(kept.fran.add("THREE"))
        kept.servers.faults["far.example"] = RemoteUnreachable("gone")
        kept.resync()
        kept.servers.faults.clear()
        kept.due_now()
        kept.resync()
        nids = [kept.nid, interning.user_nid(ALICE)]
        upto = EVER
        outbound_devices.changes(nids, 0, upto)
        outbound_devices.newly_seen(nids, 0, upto)
        outbound_devices.entered(1, 0, upto)
        outbound_devices.latest_changes(nids)
        device_changes.page("device_list_change", 0, upto, 10)
        device_changes.page("key_signature_change", 0, upto, 10)
        service.drop_unshared()
        kept.room.leave(FRAN)
    # Those that are due are looked for among those that are out of date, which have an index of their own.
    expected = ("SET retry_ts = 0", "USING INDEX remote_device_list_stale", "SCAN (subquery", "SCAN found")
    assert [scan for scan in statements.scans() if not any(part in scan for part in expected)] == []


def test_a_list_that_breaks_what_takes_it_in_is_asked_for_again_later(
    monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    kept.tell(kept.fran.add("ONE"))
    real, faults = service.store, [ValueError("a fault")]

    def store(*args: Any, **more: Any) -> Any:
        if faults:
            raise faults.pop()
        return real(*args, **more)

    monkeypatch.setattr(service, "store", store)
    assert len(kept.resync()) == 1
    assert (remote_devices.next_due() or 0) > now_ms() + 10_000
    with db.write():
        db.execute("UPDATE remote_device_list SET retry_ts = 0")
    kept.resync()
    assert remote_devices.next_due() is None
