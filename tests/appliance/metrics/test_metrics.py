"""What is counted, by several processes, and who may read it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.metrics import processes
from appliance.metrics.counted import count_request, kind_of
from appliance.metrics.exposition import exposition
from tests.factories.client import ClientFactory
from tests.factories.settings import settings
from tests.factories.visitor import ask
from tests.real_server import PROJECT

pytestmark = pytest.mark.django_db(transaction=True)

# A process that counts three requests and ends, and tells the sum of all.
COUNTING = """
import sys
from pathlib import Path
from appliance.metrics import folder
folder.begin(Path(sys.argv[1]))
from appliance.metrics.counted import count_request
for _ in range(3):
    count_request("/_matrix/client/v3/login", 200, 0.01, waited=False)
found = [s.value for m in folder.collected() for s in m.samples if s.name == "hearth_requests_total"]
print(found[0], len(list(Path(sys.argv[1], "metrics").glob("counter_*.db"))))
"""


def figures() -> dict[str, float]:
    """The samples without labels, and the sums of those with."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(exposition().decode()):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def test_totals_outlive_the_processes_that_counted(tmp_path: Path) -> None:
    told = []
    for _ in range(3):
        ran = subprocess.run(
            [sys.executable, "-c", COUNTING, str(tmp_path)],
            cwd=PROJECT,
            env={**os.environ, "HEARTH_CONFIG": str(PROJECT / "tests/hearth.toml")},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        told.append(ran.stdout.split())
    assert told == [["3.0", "1"], ["6.0", "2"], ["9.0", "2"]], "those that ended share one file"


def test_messages_and_requests_are_counted(clients: ClientFactory) -> None:
    before = figures()
    alice = clients.make()
    alice.send(alice.create_room(), "hello")
    count_request("/_matrix/client/v3/sync", 200, 30.0, waited=True)
    after = figures()
    assert after["hearth_messages_total"] == before.get("hearth_messages_total", 0) + 1
    assert after["hearth_events_total"] > before.get("hearth_events_total", 0) + 5
    assert after["hearth_requests_total"] == before.get("hearth_requests_total", 0) + 1
    assert after.get("hearth_request_seconds_count", 0) == before.get("hearth_request_seconds_count", 0)


def test_every_documented_name_is_there_and_no_other() -> None:
    count_request("/", 404, 0.1, waited=False)
    documented = (PROJECT / "docs/metrics.md").read_text(encoding="utf-8")
    names = {family.name for family in text_string_to_metric_families(exposition().decode())}
    for name in names:
        assert f"`{name}`" in documented or f"`{name}_total`" in documented, name
    assert figures()["hearth_memory_bytes"] > 1_000_000
    assert figures()["hearth_disk_free_bytes"] > 0


def test_the_classes_of_requests() -> None:
    assert kind_of("/_matrix/federation/v1/send/1") == "federation"
    assert kind_of("/_matrix/client/v1/media/download/a/b") == "media"
    assert kind_of("/_matrix/client/v3/rooms/!a/send/x/media/") == "client"
    assert kind_of("/admin/users/") == "pages"
    assert kind_of("/.well-known/matrix/client") == "other"


def test_nobody_reads_metrics_that_are_off_and_strangers_none() -> None:
    path = "/_hearth/metrics"
    assert ask("GET", path, ip="127.0.0.1").status == 404
    with settings(metrics={"enabled": True}):
        assert ask("GET", path).status == 403
        assert "hearth_tasks_waiting" in ask("GET", path, ip="127.0.0.1").text
    with settings(metrics={"enabled": True, "token": "secret"}):
        assert ask("GET", path, ip="127.0.0.1").status == 403
        assert ask("GET", path, token="wrong").status == 403
        assert "hearth_version" in ask("GET", path, token="secret").text


def test_this_process_is_among_those_of_the_server() -> None:
    found = processes.figures()
    assert found.processes >= 1
    assert found.memory > 10_000_000
    assert found.descriptors > 3
    assert found.threads >= 1
