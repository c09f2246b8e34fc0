"""A message and a file that really go through a server of real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.real_server import PROJECT, engines, real_server

pytestmark = pytest.mark.slow


def doctor(config: Path, *checks: str) -> dict[str, Any]:
    """What `hearth doctor` finds, by check."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEARTH_", "DJANGO_"))}
    environment["HEARTH_CONFIG"] = str(config)
    ran = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "doctor", *checks, "--json"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return {found["id"]: found for found in json.loads(ran.stdout)["checks"]}


@pytest.mark.parametrize("engine", engines())
def test_a_message_and_a_file_arrive_and_their_loss_is_noticed(tmp_path: Path, engine: str) -> None:
    with real_server(tmp_path, engine) as server:
        found = doctor(tmp_path / "hearth.toml", "endtoend", "media")
        assert {one["status"] for one in found.values() if one["id"] != "ports.local"} <= {"skipped", "ok"}
        assert found["endtoend.message"]["status"] == "skipped", "the server is not set up"
        body: Any = {
            "username": "somebody",
            "password": "a long enough one",
            "auth": {"type": "m.login.dummy"},
        }
        made = requests.post(f"{server.base}/_matrix/client/v3/register", json=body, timeout=30)
        assert made.status_code == 200, made.text
        for _ in range(2):  # the room and the devices of the first time are used again
            found = doctor(tmp_path / "hearth.toml", "endtoend", "media")
            assert found["endtoend.message"]["status"] == "ok", found
            assert found["media.roundtrip"]["status"] == "ok", found
        assert "was seen after" in found["endtoend.message"]["summary"]
    gone = doctor(tmp_path / "hearth.toml", "endtoend")
    assert gone["ports.local"]["status"] == "error"
    assert gone["endtoend.message"]["status"] == "skipped"
