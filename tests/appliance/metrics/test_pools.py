"""What pools of threads tell of themselves."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

from appliance.metrics.pools import BUSY, QUEUED, THREADS, pool
from matrix_app.http.view_threads import ViewThreads, waiting_for_others
from matrix_app.services.media_jobs import Jobs
from tests.real_server import PROJECT

# A process that dies with a job in hand, and one that runs: the sum is what the second has.
DYING = """
import os, sys
from pathlib import Path
from appliance.metrics import folder
folder.begin(Path(sys.argv[1]))
from appliance.metrics.pools import pool
pool("view").has_threads(4)
pool("view").job().begin()
found = {s.name: s.value for m in folder.collected() for s in m.samples if s.name.startswith("hearth_pool")}
print(found["hearth_pool_busy"], found["hearth_pool_threads"], flush=True)
os._exit(1)
"""


def shown(name: str) -> tuple[float, float, float]:
    """The threads of a pool, what they work on, and what waits."""
    found = [
        sample.value
        for gauge in (THREADS, BUSY, QUEUED)
        for metric in gauge.collect()
        for sample in metric.samples
        if sample.labels == {"pool": name}
    ]
    return found[0], found[1], found[2]


def test_views_that_work_and_wait_are_told_apart() -> None:
    began, others, second_began, over = (threading.Event() for _ in range(4))

    def waits_for_others() -> None:
        began.wait()
        with waiting_for_others():
            others.set()
            over.wait()

    def works() -> None:
        second_began.set()
        over.wait()

    async def story() -> None:
        threads = ViewThreads("told", threads=1, waiting=1, queue=5)
        first = asyncio.create_task(threads.run(waits_for_others))
        second = asyncio.create_task(threads.run(works))
        third = asyncio.create_task(threads.run(over.wait))
        await asyncio.sleep(0)
        assert shown("told") == (1, 1, 2)
        began.set()
        await asyncio.to_thread(others.wait)
        third.cancel()
        await asyncio.to_thread(second_began.wait)  # the first works no more
        assert shown("told") == (1, 1, 0)
        over.set()
        await asyncio.gather(first, second)
        assert shown("told") == (1, 0, 0)

    asyncio.run(asyncio.wait_for(story(), 30))


def test_jobs_are_counted_until_they_end() -> None:
    began, over = threading.Event(), threading.Event()

    def first() -> None:
        began.set()
        over.wait()

    jobs = Jobs("counted", 1)
    jobs.submit("first", first)
    seen = [jobs.submit(number, lambda: shown("counted")) for number in range(2)]
    began.wait()
    assert shown("counted") == (1, 1, 2)
    over.set()
    assert [future.result() for future in seen] == [(1, 1, 1), (1, 1, 0)]


def test_a_job_ends_once() -> None:
    job = pool("once").job()
    job.end()
    job.end()
    job.begin()
    assert shown("once")[1:] == (0, 0)


def test_what_a_process_had_in_hand_goes_with_it(tmp_path: Path) -> None:
    told = [
        subprocess.run(
            [sys.executable, "-c", DYING, str(tmp_path)],
            cwd=PROJECT,
            env={**os.environ, "HEARTH_CONFIG": str(PROJECT / "tests/hearth.toml")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        ).stdout.split()
        for _ in range(2)
    ]
    assert told == [["1.0", "4.0"], ["1.0", "4.0"]]
