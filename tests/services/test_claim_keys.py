"""Claims of one-time keys at the same time, by threads of several processes with connections of their own."""

from __future__ import annotations

import multiprocessing
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import orjson
import pytest
from django.db import connection, connections

from matrix_app.services.claim_keys import claim_local_keys
from matrix_app.services.upload_keys import upload_keys
from matrix_app.storage import db, device_messages
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import Device

PROCESSES = 4
CLAIMERS = 32
ALGORITHM = "signed_curve25519"
SECONDS = 120

# A device's owner, and the name and content of the key that was given for it.
Given = tuple[str, str, str]


class Shop(NamedTuple):
    """Devices with one-time and fallback keys: by owner, the keys' names and contents."""

    one_time: dict[str, dict[str, Any]]
    fallback: dict[str, dict[str, Any]]

    @property
    def users(self) -> list[str]:
        return list(self.one_time)


def opened(clients: ClientFactory, chance: random.Random) -> Shop:
    """A few devices, each with a number of keys, some with none."""
    shop = Shop({}, {})
    for owner in clients.many(chance.randint(2, 6)):
        device = Device(owner)
        shop.one_time[owner.user_id] = device.upload(chance.choice([0, 1, 7, 40, 60]))
        shop.fallback[owner.user_id] = _upload_fallback(owner, device)
    return shop


def _upload_fallback(owner: Client, device: Device) -> dict[str, Any]:
    keys = device.one_time_keys(1, fallback=True)
    assert owner.post("/keys/upload", {"fallback_keys": keys}).status == 200
    return keys


def claim_until_only_fallbacks_are_left(shop: Shop, seed: int) -> list[Given]:
    """Claim keys of some of the devices again and again; the last round got a fallback key of each."""
    chance = random.Random(seed)
    given: list[Given] = []
    left = set(shop.users)
    while left:
        wanted = chance.sample(sorted(left), chance.randint(1, len(left)))
        claimed = claim_local_keys({user_id: {"DEVICE": ALGORITHM} for user_id in wanted})
        assert set(claimed) == set(wanted)
        for user_id, by_device in claimed.items():
            ((name, key),) = by_device["DEVICE"].items()
            given.append((user_id, name, orjson.dumps(key).decode()))
            if name in shop.fallback[user_id]:
                left.discard(user_id)
    return given


def together(work: Callable[[int], list[Given]]) -> list[Given]:
    """Everything that the claimers got: all begin at once, an equal number in each process."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(CLAIMERS)
    connections.close_all()
    pipes = []
    for process in range(PROCESSES):
        here, there = context.Pipe(duplex=False)
        numbers = range(process * CLAIMERS // PROCESSES, (process + 1) * CLAIMERS // PROCESSES)
        context.Process(target=_process, args=(there, start, work, numbers)).start()
        there.close()
        pipes.append(here)
    answers = [pipe.recv() for pipe in pipes if pipe.poll(SECONDS)]
    for child in multiprocessing.active_children():
        child.join(10)
    assert len(answers) == PROCESSES, "a process did not answer"
    for answer in answers:
        assert isinstance(answer, list), answer
    return [given for answer in answers for given in answer]


def _process(
    answer: Connection, start: Any, work: Callable[[int], list[Given]], numbers: Sequence[int]
) -> None:
    given: list[Given] = []
    faults: list[str] = []

    def claimer(number: int) -> None:
        try:
            start.wait(SECONDS)
            given.extend(work(number))
        except BaseException as error:  # noqa: BLE001  (told to the process that runs the test)
            faults.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=claimer, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    answer.send("; ".join(faults) or given)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_one_time_key_is_given_exactly_once_and_then_the_fallback_key(
    clients: ClientFactory, seed: int
) -> None:
    shop = opened(clients, random.Random(seed))
    given = together(lambda number: claim_until_only_fallbacks_are_left(shop, seed * 1000 + number))
    counts = Counter((user_id, name) for user_id, name, _ in given)
    for user_id in shop.users:
        names = {name for owner, name in counts if owner == user_id}
        assert names == {*shop.one_time[user_id], *shop.fallback[user_id]}
        assert {counts[user_id, name] for name in shop.one_time[user_id]} <= {1}
        (fallback,) = shop.fallback[user_id]
        assert counts[user_id, fallback] >= CLAIMERS
    for user_id, name, key in given:
        assert orjson.loads(key) == {**shop.one_time[user_id], **shop.fallback[user_id]}[name]
    assert db.value("SELECT count(*) FROM one_time_key") == 0


def test_keys_that_are_uploaded_meanwhile_are_given_exactly_once_too(clients: ClientFactory) -> None:
    owner = clients.make()
    device = Device(owner)
    first, later = device.upload(30), [device.one_time_keys(10) for _ in range(6)]
    wanted = {owner.user_id: {"DEVICE": ALGORITHM}}

    def work(number: int) -> list[Given]:
        if number < len(later):
            assert owner.post("/keys/upload", {"one_time_keys": later[number]}).status == 200
        given: list[Given] = []
        for _ in range(6):
            for by_device in claim_local_keys(wanted).values():
                given += [(owner.user_id, name, "") for name in by_device["DEVICE"]]
        return given

    names = Counter(name for _, name, _ in together(work))
    left = {f"{ALGORITHM}:{row[0]}" for row in db.rows("SELECT key_id FROM one_time_key")}
    uploaded = {*first, *(name for keys in later for name in keys)}
    assert set(names.values()) == {1}
    assert names.keys() | left == uploaded
    assert not names.keys() & left
    device_nid = owner.requester.device_nid
    assert device_nid is not None
    assert device_messages.key_counts(device_nid) == ({ALGORITHM: len(left)} if left else {})


def test_a_fallback_key_is_unused_until_it_is_given_and_again_once_it_is_replaced(
    clients: ClientFactory,
) -> None:
    owner = clients.make()
    device = Device(owner)
    device.upload(1)
    _upload_fallback(owner, device)
    device_nid = owner.requester.device_nid
    assert device_nid is not None
    wanted = {owner.user_id: {"DEVICE": ALGORITHM}}
    claim_local_keys(wanted)
    assert device_messages.unused_fallbacks(device_nid) == [ALGORITHM]
    claim_local_keys(wanted)
    assert device_messages.unused_fallbacks(device_nid) == []
    _upload_fallback(owner, device)
    assert device_messages.unused_fallbacks(device_nid) == [ALGORITHM]


def test_a_fallback_key_that_is_given_while_it_is_uploaded_again_is_used(clients: ClientFactory) -> None:
    owner = clients.make()
    device = Device(owner)
    device.upload()
    keys = _upload_fallback(owner, device)
    device_nid = owner.requester.device_nid
    assert device_nid is not None
    claimed: list[dict[str, Any]] = []

    def claim() -> None:
        claimed.append(claim_local_keys({owner.user_id: {"DEVICE": ALGORITHM}}))
        connection.close()

    thread = threading.Thread(target=claim)
    with db.write():
        upload_keys(owner.requester, None, {}, keys)
        thread.start()
        # Until it has claimed, or waits for the one writer of SQLite.
        thread.join(0.5)
    thread.join(10)
    assert list(claimed[0][owner.user_id]["DEVICE"]) == list(keys)
    assert device_messages.unused_fallbacks(device_nid) == []
