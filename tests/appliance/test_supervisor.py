"""The supervisor, with real processes."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.supervisor import (
    HOPELESS_STARTS,
    LONGEST_DELAY,
    MOMENT_SECONDS,
    RESTART,
    RESTART_SIGNAL,
    STEADY_SECONDS,
    Child,
    Supervisor,
)

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

# As for the first process of a container: what has lost its parent becomes the process's own.
PR_SET_CHILD_SUBREAPER = 36


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class Supervised:
    """A supervisor in a process of its own, whose children note their pids in files."""

    def __init__(
        self, folder: Path, *mains: Callable[[], int], grace_seconds: float = 5.0, adopts: bool = False
    ) -> None:
        self.folder = folder
        self.pid = os.fork()
        if not self.pid:
            children = [Child(f"child{n}", self._noting(n, main)) for n, main in enumerate(mains)]
            if adopts:
                ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
            code = Supervisor(children, grace_seconds=grace_seconds, adopts=adopts or None).run()
            os._exit(77 if code == RESTART else code)

    def _noting(self, number: int, main: Callable[[], int]) -> Callable[[], int]:
        def run() -> int:
            with (self.folder / f"pids{number}").open("a") as file:
                file.write(f"{os.getpid()}\n")
            return main()

        return run

    def pids(self, number: int = 0) -> list[int]:
        file = self.folder / f"pids{number}"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def exit_code(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


def forever() -> int:
    while True:
        time.sleep(10)


def stubborn() -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return forever()


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(*mains: Callable[[], int], **options: Any) -> Supervised:
        started.append(Supervised(tmp_path, *mains, **options))
        return started[-1]

    yield start
    for supervised in started:
        if supervised.pid:
            supervised.signal(signal.SIGKILL)
            supervised.exit_code()


def test_a_child_that_is_killed_is_started_again(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(forever)
    wait_until(lambda: len(supervised.pids()) == 1)
    os.kill(supervised.pids()[0], signal.SIGKILL)
    wait_until(lambda: len(supervised.pids()) == 2)
    assert alive(supervised.pids()[1])


def test_a_child_that_ends_by_itself_is_started_again(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(lambda: 0)
    wait_until(lambda: len(supervised.pids()) == 3)


def test_the_other_children_are_left_alone_when_one_dies(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(forever, forever)
    wait_until(lambda: len(supervised.pids(0)) == 1 and len(supervised.pids(1)) == 1)
    os.kill(supervised.pids(0)[0], signal.SIGKILL)
    wait_until(lambda: len(supervised.pids(0)) == 2)
    assert len(supervised.pids(1)) == 1
    assert alive(supervised.pids(1)[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_its_children_when_it_is_told_to_stop(
    supervise: Callable[..., Supervised], number: int
) -> None:
    supervised = supervise(forever, forever)
    wait_until(lambda: len(supervised.pids(0)) == 1 and len(supervised.pids(1)) == 1)
    supervised.signal(number)
    assert supervised.exit_code() == 0
    assert not alive(supervised.pids(0)[0])
    assert not alive(supervised.pids(1)[0])


def leaving_orphans() -> int:
    for _ in range(3):
        if not os.fork():  # the parent of one that ends after it
            if not os.fork():
                time.sleep(0.05)
            os._exit(0)
        os.wait()
    return forever()


def children_of(pid: int) -> list[tuple[int, str]]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it ended meanwhile
        if int(parent) == pid:
            found.append((int(stat.parent.name), state))
    return found


def test_the_first_process_of_a_container_removes_what_others_have_left(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise(leaving_orphans, adopts=True)
    wait_until(lambda: len(supervised.pids()) == 1)
    (child,) = supervised.pids()
    wait_until(lambda: len(children_of(supervised.pid)) > 1)
    wait_until(lambda: [pid for pid, _ in children_of(supervised.pid)] == [child])
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: len(supervised.pids()) == 2)


def test_a_child_that_does_not_stop_in_time_is_killed(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(stubborn, grace_seconds=0.3)
    wait_until(lambda: len(supervised.pids()) == 1)
    time.sleep(0.1)
    supervised.signal(signal.SIGTERM)
    assert supervised.exit_code() == 0
    assert not alive(supervised.pids()[0])


def test_the_children_end_when_the_supervisor_is_killed(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(forever)
    wait_until(lambda: len(supervised.pids()) == 1)
    supervised.signal(signal.SIGKILL)
    supervised.exit_code()
    wait_until(lambda: not alive(supervised.pids()[0]))


def test_a_hangup_is_passed_on(supervise: Callable[..., Supervised], tmp_path: Path) -> None:
    def noting_hangups() -> int:
        signal.signal(signal.SIGHUP, lambda *_: (tmp_path / "hangup").touch())
        (tmp_path / "ready").touch()
        return forever()

    supervised = supervise(noting_hangups)
    wait_until((tmp_path / "ready").exists)
    supervised.signal(signal.SIGHUP)
    wait_until((tmp_path / "hangup").exists)
    assert alive(supervised.pids()[0])


def test_the_delay_before_a_start_doubles_up_to_a_bound() -> None:
    child = Child("x", forever)
    delays = []
    for now in range(10):
        child.started = now
        child.died(now + 0.5)
        delays.append(child.start_at - (now + 0.5))
    assert delays[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert delays[-1] == LONGEST_DELAY


def test_a_child_that_ran_for_long_is_started_at_once() -> None:
    child = Child("x", forever, delay=8.0, deaths=3)
    child.died(child.started + STEADY_SECONDS)
    assert child.start_at - (child.started + STEADY_SECONDS) == pytest.approx(0.1)


def test_a_child_that_never_ran_is_given_up(
    supervise: Callable[..., Supervised], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.supervisor.HOPELESS_STARTS", 3)
    supervised = supervise(lambda: 1, forever)
    assert supervised.exit_code() == 1
    assert len(supervised.pids(0)) == 3
    assert not alive(supervised.pids(1)[0])


def test_a_child_that_ran_once_is_never_given_up() -> None:
    child = Child("x", forever)
    for ran in [MOMENT_SECONDS, *[0.1] * 2 * HOPELESS_STARTS]:
        child.died(child.started + ran)
    assert not child.is_hopeless()


def test_it_ends_its_children_and_says_so_when_everything_is_to_start_anew(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise(forever)
    wait_until(lambda: len(supervised.pids()) == 1)
    supervised.signal(RESTART_SIGNAL)
    assert supervised.exit_code() == 77
    assert not alive(supervised.pids()[0])


def test_who_says_stop_while_it_is_starting_anew_is_heard(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(stubborn, grace_seconds=1.0)
    wait_until(lambda: len(supervised.pids()) == 1)
    time.sleep(0.2)  # until it has learnt not to listen
    supervised.signal(RESTART_SIGNAL)
    time.sleep(0.3)
    supervised.signal(signal.SIGTERM)
    assert supervised.exit_code() == 0
