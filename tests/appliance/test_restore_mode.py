"""Restoring in the place of a server that runs, with real processes: some six seconds a start."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.restore_order import Order, Outcome, read_order, read_outcome, write_order
from appliance.restoring import RETIRED, UNFINISHED
from appliance.supervisor import RESTART_SIGNAL
from tests.factories.commands import command, register
from tests.real_server import RealServer, descendants, engines, kill_all, scratch_database

pytestmark = pytest.mark.slow

NAME = "old.example"
SECONDS = 90


@contextmanager
def running(folder: Path, engine: str) -> Iterator[RealServer]:
    """A server of a database of its own; without a name it is not set up."""
    folder.mkdir()
    settings = {"server": {"name": NAME}, "logging": {"level": "info"}}
    if engine == "sqlite":
        made = RealServer(folder, settings=settings)
        with named_or_not(made, folder) as found:
            yield found
        return
    with scratch_database(os.environ["HEARTH_TEST_DATABASE"]) as url:
        made = RealServer(folder, database_url=url, settings=settings)
        with named_or_not(made, folder) as found:
            yield found


def named_or_not(server: RealServer, folder: Path) -> RealServer:
    if folder.name == "new":
        text = server._config.read_text()
        server._config.write_text(re.sub(r"^name = .*\n", "", text, flags=re.MULTILINE))
    return server


@pytest.fixture(scope="module", params=engines())
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Path:
    """The folder of a backup of a server on which somebody has an account."""
    with running(tmp_path_factory.mktemp(engine) / "old", engine) as old:
        register(old.base, "rosa")
        [made] = command(old.folder, "backup")["backups"]
    return Path(made["folder"])


@pytest.fixture
def new(tmp_path: Path, engine: str, backup: Path) -> Iterator[RealServer]:
    """A server that is not set up, and has the backup in its folder."""
    with running(tmp_path / "new", engine) as server:
        shutil.copytree(backup, server.folder / "var" / "backups" / backup.name)
        yield server


def ordered(server: RealServer, backup: str, **more: object) -> None:
    given = Order(
        backup=backup, server_name=NAME, address=server.base, token_hash=b"mark", ip="127.0.0.1",
        asked_ts=1, setup_file=None, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    write_order(server.folder / "var", given)


def restored(server: RealServer) -> Outcome:
    """What came of it, as soon as the server serves again."""
    until = time.monotonic() + SECONDS
    while read_order(server.folder / "var") is not None:
        assert time.monotonic() < until, server.log_end()
        time.sleep(0.05)
    server.wait_until_ready()
    found = read_outcome(server.folder / "var")
    assert found is not None
    return found


def ask(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def signs_in(base: str) -> str:
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "rosa"},
        "password": "correct horse",
    }
    request = urllib.request.Request(f"{base}/_matrix/client/v3/login", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["user_id"])


def wait_until(condition: Callable[[], bool], server: RealServer) -> None:
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, server.log_end()
        time.sleep(0.01)


def begun(server: RealServer, backup: str) -> int:
    """Have a backup restored; the process that does, as soon as it has the data for itself."""
    ordered(server, backup)
    os.kill(server.pid, RESTART_SIGNAL)
    wait_until(lambda: holder(server) in descendants(server.pid), server)
    return holder(server)


def holder(server: RealServer) -> int:
    text = (server.folder / "var" / "run" / "hearth.lock").read_text().strip()
    return int(text) if text.isdigit() else 0


def test_a_running_server_is_replaced_by_its_backup_without_another_first_process(
    new: RealServer, backup: Path
) -> None:
    before = new.pid
    begun(new, backup.name)
    outcome = restored(new)
    assert (outcome.error, outcome.backup, outcome.token_hash) == ("", backup.name, b"mark")
    assert signs_in(new.base) == f"@rosa:{NAME}"
    assert new.pid == before
    assert f'"{NAME}"' in (new.folder / "var" / "setup.toml").read_text()
    assert list((new.folder / "var").glob(f"before-restore-*/{RETIRED}"))
    new.stop()
    new.start()
    assert signs_in(new.base) == f"@rosa:{NAME}"


def test_meanwhile_a_page_says_how_far_it_is_and_clients_are_told_to_come_later(
    new: RealServer, backup: Path
) -> None:
    pid = begun(new, backup.name)
    os.kill(pid, signal.SIGSTOP)
    try:
        status, text = ask(f"{new.base}/setup/restart/")
        assert status == 200
        assert f"<b>{NAME}</b>" in text
        assert "<progress" in text
        style = re.search(r'href="(/static/[^"]+\.css)"', text)
        assert style is not None
        assert ask(new.base + style[1])[0] == 200
        status, text = ask(f"{new.base}/_matrix/client/versions")
        assert (status, json.loads(text)["errcode"]) == (503, "M_UNKNOWN")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert restored(new).error == ""


def test_what_is_killed_in_the_middle_begins_anew_and_keeps_what_was_there_once(
    new: RealServer, backup: Path
) -> None:
    pid = begun(new, backup.name)
    wait_until((new.folder / "var" / UNFINISHED).exists, new)
    kill_all(pid)
    assert restored(new).error == ""
    assert signs_in(new.base) == f"@rosa:{NAME}"
    assert len(list((new.folder / "var").glob("before-restore-*"))) == 1
    assert new.log_end(100_000).count("restoring") >= 2


def test_a_crash_of_the_whole_server_is_gone_on_from_by_the_next_start(new: RealServer, backup: Path) -> None:
    begun(new, backup.name)
    wait_until((new.folder / "var" / UNFINISHED).exists, new)
    new.crash()
    new.start_without_waiting()
    assert restored(new).error == ""
    assert signs_in(new.base) == f"@rosa:{NAME}"
    assert len(list((new.folder / "var").glob("before-restore-*"))) == 1


def test_a_restore_that_fails_late_leaves_the_setup_as_it_was(
    new: RealServer, backup: Path, engine: str
) -> None:
    code = re.search(r"setup code +(\S+)", new.log_end())
    assert code is not None
    secrets = files_below(new.folder / "var" / "secrets")
    damage(new.folder / "var" / "backups" / backup.name, engine)
    begun(new, backup.name)
    outcome = restored(new)
    assert outcome.error
    assert not (new.folder / "var" / UNFINISHED).exists()
    assert not list((new.folder / "var").glob("before-restore-*"))
    assert not (new.folder / "var" / "setup.toml").exists()
    now = files_below(new.folder / "var" / "secrets")
    changed = {name for name in {*now, *secrets} if now.get(name) != secrets.get(name)}
    assert changed <= {"setup_code"}  # a server that starts invites its owner anew
    assert ask(f"{new.base}/setup/unlock/")[0] == 200


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def damage(folder: Path, engine: str) -> None:
    """Make an archive of keys that is whole by its hash, and none: what fails after the database is there."""
    rubbish = b"this is no archive" * 100
    (folder / "files.tar").write_bytes(rubbish)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["parts"]["files.tar"] = {"size": len(rubbish), "sha256": hashlib.sha256(rubbish).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_server_with_accounts_is_not_replaced(new: RealServer, backup: Path) -> None:
    register(new.base, "karl")
    begun(new, backup.name)
    outcome = restored(new)
    assert "accounts already" in outcome.error
    assert not list((new.folder / "var").glob("before-restore-*"))


def test_a_restore_that_is_ended_again_and_again_is_given_up(new: RealServer, backup: Path) -> None:
    ordered(new, backup.name, attempts=3)
    os.kill(new.pid, RESTART_SIGNAL)
    assert "ended from outside" in restored(new).error
    assert ask(f"{new.base}/setup/unlock/")[0] == 200
