"""Restoring from the setup what lies on a machine that is reached by SSH, with a real one."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance import secrets
from appliance.backup.make import make
from appliance.backup.remote.host_key import fingerprint
from appliance.backup.remote.ssh_key import public_key
from appliance.config import Config, get_config
from appliance.config.current import use_config
from appliance.setup_code import new_setup_code
from tests.factories.backups import place_of_its_own, quiet
from tests.factories.browser import Browser
from tests.factories.ssh_server import PROGRAM, SshServer, ssh_server
from tests.factories.tasks import run_tasks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PROGRAM is None, reason="openssh-server is not installed"),
]
PAGE = "/setup/restore/elsewhere/sftp/"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path / "ssh") as server:
        yield server


@pytest.fixture
def browser(config: Config, tmp_path: Path) -> Iterator[Browser]:
    """Somebody who has unlocked the setup of a server with folders of its own."""
    with use_config(place_of_its_own(config, tmp_path)):
        secrets.create_all()
        visitor = Browser()
        visitor.post("/setup/unlock/", {"code": new_setup_code()})
        yield visitor


def test_a_place_is_named_its_machine_trusted_and_a_backup_of_any_server_fetched(
    browser: Browser, machine: SshServer, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    made = make("test", quiet)
    shutil.copytree(get_config().backup.dir, there / "hearth.example")
    shutil.rmtree(get_config().backup.dir)
    given = {"host": "127.0.0.1", "port": str(machine.port), "user": getpass.getuser(), "folder": str(there)}
    fields = {f"backup-sftp-{name}": value for name, value in given.items()}
    assert browser.post(PAGE, {**fields, "backup-sftp-port": "none"}).texts(".wrong-text")
    shown = browser.post(PAGE, fields)
    assert public_key() in shown.text
    machine.admit(public_key())
    assert "Nobody has confirmed the key" in browser.post(f"{PAGE}look/", page=PAGE).message
    shown = browser.post("/setup/restore/host-key/", page=PAGE)
    assert fingerprint(machine.host_key) in shown.texts("main code")
    line = shown.html.css_first("input[name=host_key]")
    assert line is not None
    browser.post("/setup/restore/trust/", {"host_key": line.attributes["value"]}, page=PAGE)
    shown = browser.post(f"{PAGE}look/", page=PAGE)
    assert "hearth.example" in shown.texts(".choices li")[0]
    wanted = {"server": "hearth.example", "backup": made.manifest.id}
    shown = browser.post("/setup/restore/fetch/", wanted, page=PAGE)
    run_tasks()
    assert browser.get(shown.address).address == f"/setup/restore/backups/{made.manifest.id}/"
    assert "no such backup" in browser.post("/setup/restore/fetch/", {"server": "../x"}, page=PAGE).message


def test_a_kind_that_the_file_fixes_cannot_be_another(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTH_BACKUP__REMOTE", "s3")
    backup = replace(get_config().backup, remote="s3")
    with use_config(replace(get_config(), backup=backup)):
        shown = browser.post(PAGE, {"backup-sftp-host": "x", "backup-sftp-port": "22"})
    assert "of which kind" in " ".join(shown.texts(".notice.error"))
