"""Claims of one-time keys at the same time."""

from __future__ import annotations

import threading
from collections import Counter

from django.db import connection

from matrix_app.services.claim_keys import claim_local_keys
from tests.factories.client import ClientFactory
from tests.factories.encryption import Device

CLAIMERS = 32


def test_no_key_is_given_twice_and_none_is_lost_however_many_claim_at_once(clients: ClientFactory) -> None:
    owners = clients.many(4)
    uploaded = [name for owner in owners for name in Device(owner).upload(40)]
    wanted = {owner.user_id: {"DEVICE": "signed_curve25519"} for owner in owners}
    start = threading.Barrier(CLAIMERS)
    given: list[str] = []

    def work() -> None:
        try:
            start.wait(30)
            while found := claim_local_keys(wanted):
                given.extend(
                    name for by_device in found.values() for key in by_device.values() for name in key
                )
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(CLAIMERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(given) == Counter(uploaded)


def test_everybody_gets_the_fallback_key_when_the_others_are_gone(clients: ClientFactory) -> None:
    owners = clients.many(4)
    for owner in owners:
        device = Device(owner)
        device.upload(3)
        owner.post("/keys/upload", {"fallback_keys": device.one_time_keys(1, fallback=True)})
    orders = [owners, list(reversed(owners))]
    start = threading.Barrier(8)
    found: list[int] = []

    def work(number: int) -> None:
        wanted = {owner.user_id: {"DEVICE": "signed_curve25519"} for owner in orders[number % 2]}
        try:
            start.wait(30)
            for _ in range(5):
                found.append(len(claim_local_keys(wanted)))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [4] * 40
