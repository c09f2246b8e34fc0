"""Owners and permissions."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.config import Config
from appliance.reconfigure.permissions import Owner, mend, mend_configuration

NOBODY = pwd.getpwnam("nobody")
SERVER = Owner(NOBODY.pw_uid, NOBODY.pw_gid)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture
def here(config: Config, tmp_path: Path) -> Config:
    data = tmp_path / "data"
    server = replace(config.server, data_dir=data, secrets_dir=data / "secrets", run_dir=tmp_path / "run")
    return replace(config, server=server, media=replace(config.media, dir=data / "media"))


def owner(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid


def test_folders_that_are_missing_are_made_for_the_server_and_nothing_in_them(here: Config) -> None:
    assert [one.did for one in mend(here, SERVER, dry_run=True)] == ["made", "made"]
    assert not here.server.data_dir.exists()
    mend(here, SERVER, dry_run=False)
    assert owner(here.server.data_dir) == owner(here.server.run_dir) == SERVER
    assert list(here.server.data_dir.iterdir()) == []
    assert mend(here, SERVER, dry_run=False) == []


def test_what_root_left_behind_is_given_to_the_server(here: Config) -> None:
    mend(here, SERVER, dry_run=False)
    deep = here.media.dir / "aa" / "bb" / "file"
    deep.parent.mkdir(parents=True)
    deep.write_text("picture")
    changes = mend(here, SERVER, dry_run=False)
    assert [one.did for one in changes] == ["4 files and folders given to the server"]
    assert owner(deep) == owner(deep.parent) == owner(here.media.dir) == SERVER
    assert mend(here, SERVER, dry_run=False) == []


def test_secrets_are_closed_to_others(here: Config) -> None:
    secrets = here.server.secrets_dir
    secrets.mkdir(parents=True, mode=0o755)
    (secrets / "signing.key").write_text("key")
    (secrets / "signing.key").chmod(0o644)
    here.server.data_dir.chmod(0o777)
    mend(here, SERVER, dry_run=False)
    modes = [path.stat().st_mode & 0o777 for path in (here.server.data_dir, secrets, secrets / "signing.key")]
    assert modes == [0o750, 0o700, 0o640]
    assert mend(here, SERVER, dry_run=False) == []


def test_links_of_the_server_lead_root_nowhere(here: Config, tmp_path: Path) -> None:
    """The server's user may put anything there."""
    mend(here, SERVER, dry_run=False)
    outside = tmp_path / "shadow"
    outside.write_text("root's")
    outside.chmod(0o644)
    here.server.secrets_dir.mkdir()
    (here.server.secrets_dir / "link").symlink_to(outside)
    (here.server.secrets_dir / "name").hardlink_to(outside)
    (here.server.data_dir / "folder").symlink_to(tmp_path)
    mend(here, SERVER, dry_run=False)
    assert owner(outside) == (0, 0)


def test_the_configuration_is_read_by_the_server_and_written_by_root(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    files = [tmp_path / "hearth.toml", tmp_path / "conf.d" / "mine.toml"]
    for file in files:
        file.touch(mode=0o666)
    mend_configuration(tmp_path, SERVER.gid, is_read_by_others=False, dry_run=False)
    assert owner(files[1]) == (0, SERVER.gid)
    assert [path.stat().st_mode & 0o777 for path in (tmp_path, *files)] == [0o750, 0o640, 0o640]
    mend_configuration(tmp_path, SERVER.gid, is_read_by_others=True, dry_run=False)
    assert tmp_path.stat().st_mode & 0o777 == 0o751
    assert mend_configuration(tmp_path, SERVER.gid, is_read_by_others=True, dry_run=False) == []
