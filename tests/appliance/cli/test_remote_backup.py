"""`hearth remote-backup`, and what other verbs do with copies elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance import secrets
from appliance.backup import layout
from appliance.backup.remote.host_key import fingerprint
from appliance.backup.remote.ssh_key import public_key
from appliance.cli.__main__ import main
from appliance.config import Config, get_config
from appliance.config.current import use_config
from tests.factories.backups import place_of_its_own
from tests.factories.settings import settings
from tests.factories.ssh_server import PROGRAM, SshServer, ssh_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PROGRAM is None, reason="openssh-server is not installed"),
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture(autouse=True)
def here(config: Config, tmp_path: Path, machine: SshServer) -> Iterator[Config]:
    """A server that is to copy its backups to a machine whose key nobody has confirmed."""
    place = place_of_its_own(config, tmp_path)
    sftp = replace(machine.config(str(tmp_path / "there")), host_key="")
    with use_config(replace(place, backup=replace(place.backup, remote="sftp", sftp=sftp))) as changed:
        secrets.create_all()
        (changed.server.data_dir / "hearth.sqlite3").touch()
        yield changed


def test_a_machine_is_trusted_by_its_fingerprint_and_then_used(
    machine: SshServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["remote-backup", "key"]) == 0
    line = capsys.readouterr().out.strip()
    assert line == public_key()
    machine.admit(line)
    assert main(["backup"]) == 1
    told = capsys.readouterr()
    assert "not copied elsewhere: Nobody has confirmed the key of 127.0.0.1" in told.err
    assert len(layout.stored_backups(get_config().backup.dir)) == 1, "it was made all the same"
    assert main(["remote-backup", "trust"]) == 1, "nobody is at a terminal"
    assert main(["remote-backup", "trust", "--fingerprint", "SHA256:wrong"]) == 1
    assert "which was not confirmed" in capsys.readouterr().err
    shown = fingerprint(machine.host_key)
    assert main(["remote-backup", "trust", "--fingerprint", shown]) == 0
    assert main(["remote-backup", "test"]) == 0
    assert capsys.readouterr().out.endswith("works, and has 0 backups\n")
    assert main(["backup"]) == 0
    assert f"sftp://{get_config().backup.sftp.user}@127.0.0.1:{machine.port}" in capsys.readouterr().out
    _lists_fetches_and_verifies(capsys)


def _lists_fetches_and_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    root = get_config().backup.dir
    [stored] = layout.stored_backups(root)
    layout.remove_folder(stored.folder)
    assert main(["backup", "--list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    [one] = told["backups"]
    assert (one["id"], one["folder"], one["elsewhere"]) == (stored.manifest.id, None, True)
    assert told["remote"]["fault"] is None
    assert main(["verify-backup", "--remote"]) == 0
    assert main(["backup", "--list"]) == 0
    assert "  verified  sftp://" in capsys.readouterr().out
    assert main(["remote-backup", "fetch", one["id"]]) == 0
    assert [found.manifest.id for found in layout.stored_backups(root)] == [one["id"]]
    assert main(["remote-backup", "upload", one["id"]]) == 0


def test_a_place_that_cannot_be_asked_hides_nothing_that_is_here(
    here: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "--only-here"]) == 0
    capsys.readouterr()
    assert main(["backup", "--list"]) == 0
    told = capsys.readouterr()
    assert str(here.backup.dir) in told.out
    assert "what is elsewhere could not be looked at: Nobody has confirmed" in told.err


def test_without_a_place_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with settings(backup={"remote": "none"}):
        assert main(["remote-backup", "test"]) == 1
        assert main(["verify-backup", "--remote"]) == 1
    assert "set backup.remote" in capsys.readouterr().err
