"""Verbs of the command line in processes of their own, and users who speak with a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from tests.real_server import PROJECT

COMMAND_SECONDS = 120


class Someone(NamedTuple):
    """A user with a token of a server."""

    user_id: str
    device_id: str
    token: str

    def ask(self, base: str, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{base}/_matrix/client/v3{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def register(base: str, name: str) -> Someone:
    body = {"username": name, "password": "correct horse", "auth": {"type": "m.login.dummy"}}
    answer = Someone("", "", "").ask(base, "POST", "/register", body)
    return Someone(answer["user_id"], answer["device_id"], answer["access_token"])


def command(folder: Path, *arguments: str) -> dict[str, Any]:
    """What a verb prints as JSON."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEARTH_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", *arguments, "--json"],
        cwd=PROJECT,
        env=environment | {"HEARTH_CONFIG": str(folder / "hearth.toml")},
        capture_output=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told
