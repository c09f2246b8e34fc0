"""`hearth restore FILE.tar`: a backup as one file, on a machine that has nothing but its configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.factories.commands import COMMAND_SECONDS, command, register
from tests.real_server import PROJECT, RealServer

pytestmark = pytest.mark.slow

NAME = "restored.example"
AS_ONE_FILE = """
import sys
from pathlib import Path
import django
django.setup()
from appliance.backup.layout import find_backup
from appliance.backup.single_file import SingleFile
from appliance.backup.streams import copy
with open(sys.argv[2], "wb") as target:
    copy(SingleFile(find_backup(Path(sys.argv[1]).parent, Path(sys.argv[1]).name)), target)
"""


def machine(folder: Path, url: str, *, encrypt: bool) -> RealServer:
    folder.mkdir()
    settings: dict[str, Any] = {"server": {"name": NAME}, "backup": {"encrypt": encrypt}}
    return RealServer(folder, database_url=url, settings=settings)


def refused(server: RealServer, *arguments: str) -> str:
    """What a verb says when it changes nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", *arguments],
        cwd=PROJECT, env=server.environment(), capture_output=True, text=True, timeout=COMMAND_SECONDS,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def one_file(server: RealServer, backup: str) -> Path:
    """As the page of a backup hands it out."""
    file = server.folder / f"hearth-{Path(backup).name}.tar"
    environ = server.environment() | {"DJANGO_SETTINGS_MODULE": "appliance.settings"}
    command = [sys.executable, "-c", AS_ONE_FILE, backup, str(file)]
    subprocess.run(command, cwd=PROJECT, env=environ, check=True, timeout=COMMAND_SECONDS)
    return file


@pytest.mark.parametrize("encrypt", [False, True], ids=["plain", "encrypted"])
def test_one_file_is_all_that_a_new_machine_needs(tmp_path: Path, urls: list[str], encrypt: bool) -> None:
    with machine(tmp_path / "first", urls[0], encrypt=encrypt) as first:
        alice = register(first.base, "alice")
        room = alice.ask(first.base, "POST", "/createRoom", {})["room_id"]
        path = f"/rooms/{quote(room)}/send/m.room.message/1"
        said = alice.ask(first.base, "PUT", path, {"msgtype": "m.text", "body": "kept"})["event_id"]
        [made] = command(first.folder, "backup", "--only-here")["backups"]
    file = one_file(first, made["folder"])
    kit = first.folder / "kit.txt"
    kit.write_text(command(first.folder, "backup", "--kit")["kit"])

    second = machine(tmp_path / "second", urls[1], encrypt=encrypt)
    opened = ["--kit", str(kit)] if encrypt else []
    check_refusals(second, file, opened)
    assert command(second.folder, "verify-backup", str(file), *opened)["faults"] == []
    restored = command(second.folder, "restore", str(file), *opened)
    assert (restored["id"], restored["devices"]) == (Path(made["folder"]).name, 1)
    with second:
        found = alice.ask(second.base, "GET", f"/rooms/{quote(room)}/event/{quote(said)}")
        assert found["content"]["body"] == "kept"
        assert "the server runs: stop it first" in refused(second, "restore", str(file), *opened)
    assert "--replace" in refused(second, "restore", str(file), *opened)
    again = command(second.folder, "restore", "--replace", str(file), *opened)
    assert again["aside"]


def check_refusals(server: RealServer, file: Path, opened: list[str]) -> None:
    """Each is a sentence, and leaves a machine that a backup can be restored on."""
    nothing, cut = server.folder / "nothing.tar", server.folder / "cut.tar"
    assert f"{nothing} cannot be read: No such file" in refused(server, "restore", str(nothing))
    cut.write_bytes(file.read_bytes()[:-20_000])
    assert "ends too early" in refused(server, "restore", str(cut))
    cut.write_text("no backup at all")
    assert "This is not a backup" in refused(server, "restore", str(cut))
    assert "There is no backup 2020-01-01T000000Z: there are none in" in refused(
        server, "restore", "2020-01-01T000000Z"
    )
    assert "There is no backup /no/where" in refused(server, "verify-backup", "/no/where")
    assert "cannot be read: No such file" in refused(server, "restore", str(file), "--kit", "/no/kit")
    if opened:
        assert "emergency kit" in refused(server, "restore", str(file))
