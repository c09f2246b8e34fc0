"""The pages about copies of backups elsewhere, with a real machine that is reached by SSH."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from msgspec.structs import replace

from appliance.backup import layout
from appliance.backup.make import make
from appliance.backup.remote.host_key import fingerprint
from appliance.backup.remote.ssh_key import public_key
from appliance.backup.remote.state import note_fault
from appliance.backup.remote.store import remote_title
from appliance.config import Config, get_config
from appliance.config.current import use_config
from matrix_app.services import long_tasks
from matrix_app.storage import audit
from matrix_app.storage import long_tasks as stored
from tests.factories.backups import quiet
from tests.factories.browser import Browser
from tests.factories.settings import settings
from tests.factories.ssh_server import PROGRAM, SshServer, ssh_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PROGRAM is None, reason="openssh-server is not installed"),
]
PAGE = "/admin/backups/elsewhere/"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture(autouse=True)
def here(config: Config, tmp_path: Path, machine: SshServer) -> Iterator[Config]:
    """A server that is to copy its backups to a machine whose key nobody has confirmed."""
    sftp = replace(machine.config(str(tmp_path / "there")), host_key="")
    backup = replace(config.backup, dir=tmp_path / "backups", remote="sftp", sftp=sftp)
    with use_config(replace(config, backup=backup)) as changed:
        yield changed


def work() -> None:
    for row in stored.unfinished():
        long_tasks.run(row.nid)


def test_a_machine_is_trusted_and_tried_on_the_page(browser: Browser, machine: SshServer) -> None:
    shown = browser.get(PAGE)
    assert public_key() in shown.text
    assert "Until then nothing is sent" in shown.text
    machine.admit(public_key())
    assert "Nobody has confirmed the key" in browser.post(f"{PAGE}test/", page=PAGE).message
    shown = browser.post(f"{PAGE}host-key/", page=PAGE)
    assert fingerprint(machine.host_key) in shown.texts("main code")
    assert "ssh_host_ed25519_key.pub" in shown.text
    line = shown.html.css_first("input[name=host_key]")
    assert line is not None
    fields = {"host_key": line.attributes["value"]}
    assert "is trusted" in browser.post(f"{PAGE}trust/", fields, page=PAGE).message
    assert get_config().backup.sftp.host_key == machine.host_key
    assert audit.page(before=None, limit=1)[0].action == "backup.trust"
    assert "It works. Backups of this server there: 0." in browser.post(f"{PAGE}test/", page=PAGE).message
    assert "It shows the key that was confirmed" in browser.post(f"{PAGE}host-key/", page=PAGE).message


def test_another_key_is_trusted_only_by_who_types_the_name(
    browser: Browser, here: Config, machine: SshServer
) -> None:
    old = " ".join(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2])
    with settings(backup={"sftp": replace(here.backup.sftp, host_key=old)}):
        shown = browser.post(f"{PAGE}host-key/", page=PAGE)
        assert "perhaps somebody is in between" in shown.text
        fields = {"host_key": machine.host_key}
        assert "nothing has been done" in browser.post(f"{PAGE}trust/", fields, page=PAGE).message
        assert get_config().backup.sftp.host_key == old
        browser.post(f"{PAGE}trust/", {**fields, "typed_name": "127.0.0.1"}, page=PAGE)
        assert get_config().backup.sftp.host_key == machine.host_key


@pytest.mark.parametrize("line", ["", "ssh-ed25519 AAAA", "not a key"])
def test_what_is_no_key_is_not_trusted(browser: Browser, line: str) -> None:
    assert "key" in browser.post(f"{PAGE}trust/", {"host_key": line}, page=PAGE).message
    assert get_config().backup.sftp.host_key == ""


def test_a_key_that_the_file_says_is_not_changed_here(
    browser: Browser, machine: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTH_BACKUP__SFTP__HOST_KEY", machine.host_key)
    fields = {"host_key": machine.host_key}
    assert "The configuration file says" in browser.post(f"{PAGE}trust/", fields, page=PAGE).message


def test_backups_are_copied_verified_there_and_fetched_by_the_pages(
    browser: Browser, here: Config, machine: SshServer
) -> None:
    machine.admit(public_key())
    with settings(backup={"sftp": replace(here.backup.sftp, host_key=machine.host_key)}):
        made = make("test", quiet)
        page = f"/admin/backups/{made.manifest.id}/"
        assert browser.get("/admin/backups/").texts("tbody td:last-child") == ["here"]
        assert "It is not at" in browser.get(page).text
        assert browser.post(f"{page}upload/", page=page).address.startswith("/admin/tasks/")
        work()
        assert browser.get("/admin/backups/").texts("tbody td:last-child") == ["here and elsewhere"]
        browser.post(f"{page}verify-there/", page=page)
        work()
        layout.remove_folder(made.folder)
        shown = browser.get("/admin/backups/")
        assert shown.texts("tbody td:last-child") == ["elsewhere"]
        assert shown.texts("tbody .badge") == ["sound"]
        shown = browser.get(page)
        assert "not in the folder of this machine any more" in shown.text
        browser.post(f"{page}fetch-here/", page=page)
        work()
    assert [one.manifest.id for one in layout.stored_backups(here.backup.dir)] == [made.manifest.id]


def test_a_failure_is_on_the_page(browser: Browser) -> None:
    note_fault(remote_title(), "the machine <b>burns</b>")
    for page in ("/admin/backups/", PAGE):
        assert "the machine <b>burns</b>" in " ".join(browser.get(page).texts(".notice.error"))


def test_without_a_place_the_page_says_what_to_do(browser: Browser) -> None:
    with settings(backup={"remote": "none"}):
        assert "backup.remote" in browser.get(PAGE).text
        assert "go with this machine" in browser.get("/admin/backups/").text
        assert browser.get("/admin/backups/2026-01-01T000000Z/").status == 404
