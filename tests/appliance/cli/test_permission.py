"""Whoever is the wrong user is told the exact command."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec.structs import replace

from appliance.cli import permission
from appliance.cli.__main__ import main
from appliance.cli.permission import refusal
from appliance.config import Config, current

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
NOBODY = pwd.getpwnam("nobody").pw_uid


@contextmanager
def somebody(uid: int) -> Iterator[None]:
    """Inside the block this process is another user."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/hearth"])
    return monkeypatch


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def here(config: Config, tmp_path: Path) -> Config:
    return replace(config, server=replace(config.server, data_dir=tmp_path))


def test_the_owner_of_the_data_and_of_data_that_are_not_there_may_go_on(here: Config, tmp_path: Path) -> None:
    assert refusal(here, ["doctor"]) is None
    away = replace(here, server=replace(here.server, data_dir=tmp_path / "nothing"))
    assert refusal(away, ["doctor"]) is None


@ROOT_ONLY
def test_somebody_else_is_told_to_use_sudo(here: Config, program: pytest.MonkeyPatch) -> None:
    here.server.data_dir.chmod(0o750)
    with somebody(NOBODY):
        why = refusal(here, ["create-user", "a b"])
    assert why is not None
    assert why.startswith("nobody may not use /")
    assert why.endswith("Run this:\n    sudo hearth create-user 'a b'")


def test_the_server_itself_is_not_told_to_use_sudo_which_has_led_to_it(program: pytest.MonkeyPatch) -> None:
    """Root's commands become the user of the package, who cannot read root's own files."""
    own = pwd.getpwuid(os.geteuid()).pw_name
    program.setattr(permission, "PACKAGED", own)
    program.setattr(sys, "argv", [f"/usr/bin/{own}"])
    why = permission.denied("/root/kit.txt", ["restore", "x", "--kit", "/root/kit.txt"])
    assert why.startswith(f"{own}, as whom the server and its commands run, may not use /root/kit.txt.")
    assert "sudo" not in why


@ROOT_ONLY
def test_root_does_not_leave_files_behind_that_the_server_cannot_write(
    here: Config, program: pytest.MonkeyPatch
) -> None:
    program.setattr(sys, "argv", ["/srv/hearth/appliance/cli/__main__.py"])
    os.chown(here.server.data_dir, NOBODY, -1)
    why = refusal(here, ["backup", "--json"])
    assert why is not None
    assert why.endswith("belongs to nobody. Run this:\n    sudo -u nobody ./hearth backup --json")


@ROOT_ONLY
def test_a_configuration_that_may_not_be_read_whole_is_not_read_in_part(
    open_folder: Path, program: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the files of conf.d, a verb would work on another database under another name."""
    (open_folder / "conf.d").mkdir(mode=0o700)
    (open_folder / "hearth.toml").write_text('[server]\nname = "wrong.example"\n')
    (open_folder / "conf.d" / "right.toml").write_text('[server]\nname = "right.example"\n')
    program.setenv("HEARTH_CONFIG", str(open_folder / "hearth.toml"))
    program.setattr(current._Current, "config", None)
    with somebody(NOBODY):
        assert main(["config", "--changed"]) == 1
    told = capsys.readouterr()
    assert "wrong.example" not in told.out
    assert f"nobody may not use {open_folder}/conf.d" in told.err
    assert "sudo hearth config --changed" in told.err
