"""What is loaded before the first fork, and what a server weighs then."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.processes import anonymous_mib, tree
from tests.real_server import PROJECT, RealServer, engines, real_server

# Big, and used by few requests or none.
LOADED_WHEN_USED = {
    "PIL", "asyncssh", "click", "cryptography", "daphne", "django.test", "dns", "numpy", "obstore", "pip",
    "pygments", "pyrage", "pytest", "redis", "rich", "segno", "selectolax", "twisted", "unittest", "webauthn",
    "yaml",
}  # fmt: skip
# Of files and folders of Hearth: pages and checks are read when somebody looks at them.
OWN_LOADED_WHEN_USED = {"admin_ui.sections", "appliance.backup", "appliance.diagnostics", "appliance.testing"}
TELL = """
import sys
from appliance.cli.__main__ import main
from appliance.preload import Part, preload
preload([*Part])
print(*(name for name, module in sys.modules.items() if module))
"""
# Measured: 86 MiB on SQLite, 95 on PostgreSQL, whose driver is big. What libraries bring is counted too.
MOST_MIB = {"sqlite": 96.0, "postgresql": 105.0}
# gunicorn's arbiter, the web process and the worker.
PROCESSES = 3
# The worker's, which come one after the other; with the last of them it has begun.
THREADS_OF_WORKER = 10


def loaded(folder: Path, **environment: str) -> set[str]:
    """The modules that a parent of processes has loaded, in a Python of their own."""
    environ = {"HEARTH_SERVER__NAME": "hs.example", "HEARTH_SERVER__DATA_DIR": str(folder)}
    environ |= {"DJANGO_SETTINGS_MODULE": "appliance.settings", **environment}
    command = [sys.executable, "-c", TELL]
    return set(subprocess.run(command, cwd=PROJECT, env=environ, check=True, capture_output=True, text=True)
               .stdout.split())  # fmt: skip


def test_what_few_requests_need_is_loaded_when_it_is_used(tmp_path: Path) -> None:
    names = loaded(tmp_path)
    parts = {".".join(name.split(".")[:count]) for name in names for count in (1, 2)}
    assert parts & (LOADED_WHEN_USED | OWN_LOADED_WHEN_USED) == set()


def test_drivers_of_other_databases_are_not_loaded(tmp_path: Path) -> None:
    assert not {name for name in loaded(tmp_path) if name.startswith("psycopg")}


def test_the_client_for_other_servers_is_loaded_before_it_is_needed(tmp_path: Path) -> None:
    assert "matrix_app.federation.client" in loaded(tmp_path)


def test_a_server_without_federation_has_no_client_for_other_servers(tmp_path: Path) -> None:
    names = loaded(tmp_path, HEARTH_FEDERATION__ENABLED="false")
    assert not names & {"aiohttp", "matrix_app.federation.client"}


@pytest.mark.slow
@pytest.mark.parametrize("engine", engines())
def test_an_idle_server_is_light(engine: str, tmp_path: Path) -> None:
    with real_server(tmp_path, engine) as server:
        wait_until_begun(server)
        weights = {pid: anonymous_mib(pid) for pid in tree(server.pid)}
    assert len(weights) == PROCESSES + 1
    assert 0 < sum(weights.values()) < MOST_MIB[engine], weights


def wait_until_begun(server: RealServer) -> None:
    """Returns when all processes are there, and one of them is a worker at work."""
    deadline = time.monotonic() + 60
    while most_threads(server) < THREADS_OF_WORKER or len(tree(server.pid)) <= PROCESSES:
        assert time.monotonic() < deadline, "some process is missing"
        time.sleep(0.05)


def most_threads(server: RealServer) -> int:
    return max(sum(1 for _ in Path(f"/proc/{pid}/task").iterdir()) for pid in tree(server.pid))
