"""Signatures that a process beside this one verifies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from matrix_app.federation.second_hand import MOST_BYTES, PART, SecondHand
from matrix_app.federation.second_hand_process import frame_of, signed_in
from matrix_app.protocol.signing import Signed, SigningKey, are_signed
from matrix_app.protocol.unpadded_base64 import decode_base64
from tests.factories.sending import wait_until

KEY = SigningKey.generate()


def signed_by(key: SigningKey, message: bytes) -> Signed:
    return Signed(decode_base64(key.sign(message)) + message, KEY.verify_key)


def many(count: int) -> list[Signed]:
    """Every third is wrong."""
    other = SigningKey.generate()
    return [signed_by(KEY if number % 3 else other, b"%d" % number) for number in range(count)]


class Here:
    """Verifies in this process, and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, signed: Sequence[Signed]) -> list[bool]:
        self.count += len(signed)
        return are_signed(signed)


@pytest.fixture
def here() -> Here:
    return Here()


@pytest.fixture
def hand(here: Here) -> Iterator[SecondHand]:
    made = SecondHand(2, here)
    yield made
    made.end()


@pytest.fixture
def ready(hand: SecondHand, here: Here) -> SecondHand:
    """One whose process takes signatures."""
    hand.prepare()

    def takes() -> bool:
        before = here.count
        hand.begin(many(1))()
        return here.count == before

    wait_until(takes, 30)
    here.count = 0
    return hand


@pytest.mark.parametrize("count", [0, 1, PART, PART * 3 + 5, PART * 20])
def test_verdicts_come_in_order_whoever_verifies(ready: SecondHand, here: Here, count: int) -> None:
    signed = many(count)
    assert ready.begin(signed)() == are_signed(signed)
    assert here.count <= max(0, count - PART)


def test_before_there_is_a_process_all_is_verified_here(hand: SecondHand, here: Here) -> None:
    signed = many(PART * 2)
    assert hand.begin(signed)() == are_signed(signed)
    assert here.count == len(signed)


def test_on_one_processor_there_is_no_second_process(here: Here) -> None:
    alone = SecondHand(1, here)
    alone.prepare()
    assert alone.process_id is None


def test_what_was_begun_by_two_is_told_apart(ready: SecondHand) -> None:
    first, second = many(PART), many(7)
    verdicts = [ready.begin(first), ready.begin(second)]
    assert verdicts[1]() == are_signed(second)
    assert verdicts[0]() == are_signed(first)


def test_what_a_process_that_died_had_to_do_is_done_here(ready: SecondHand, here: Here) -> None:
    assert ready.process_id is not None
    os.kill(ready.process_id, signal.SIGSTOP)
    signed = many(PART)
    verdicts = ready.begin(signed)
    assert here.count == 0
    os.kill(ready.process_id, signal.SIGKILL)
    assert verdicts() == are_signed(signed)
    assert here.count == len(signed)


def test_another_process_follows_one_that_died(ready: SecondHand) -> None:
    died = ready.process_id
    assert died is not None
    os.kill(died, signal.SIGKILL)
    wait_until(lambda: Path(f"/proc/{died}/stat").read_text().split()[2] == "Z", 30)
    ready.prepare()
    assert ready.process_id not in (None, died)


def test_signatures_on_huge_messages_are_verified_here(ready: SecondHand, here: Here) -> None:
    signed = [signed_by(KEY, bytes(MOST_BYTES))]
    assert ready.begin(signed)() == [True]
    assert here.count == 1


def test_a_frame_is_read_as_it_was_written() -> None:
    signed = many(5)
    frame = frame_of(signed)
    assert int.from_bytes(frame[:4], "little") == len(frame) - 4
    assert list(signed_in(frame[4:])) == signed
