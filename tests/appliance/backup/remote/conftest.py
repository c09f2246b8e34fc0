"""Places elsewhere: an object store and a machine reached by SSH, which all tests share, empty for each."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance import secrets as own_secrets
from appliance.backup.remote.ssh_key import public_key
from appliance.config import Config
from appliance.config.current import use_config
from appliance.config.sections.backup import Backup, BackupS3
from tests.factories.backups import place_of_its_own
from tests.factories.s3_server import S3Server, s3_server
from tests.factories.ssh_server import PROGRAM, SshServer, ssh_server

needs_sshd = pytest.mark.skipif(PROGRAM is None, reason="openssh-server is not installed")


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture(params=["s3", pytest.param("sftp", marks=needs_sshd)])
def kind(request: pytest.FixtureRequest) -> str:
    """What is elsewhere."""
    return str(request.param)


@pytest.fixture
def here(config: Config, tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> Iterator[Config]:
    """A server whose backups are encrypted and copied elsewhere, to a place with nothing in it."""
    there = place_of_its_own(config, tmp_path)
    with use_config(there):
        own_secrets.create_all()
        remote = elsewhere(there.backup, kind, request)
        with use_config(replace(there, backup=replace(remote, encrypt=True))) as changed:
            yield changed


def elsewhere(backup: Backup, kind: str, request: pytest.FixtureRequest) -> Backup:
    """Settings with a place elsewhere."""
    name = f"b-{secrets.token_hex(8)}"
    if kind == "s3":
        server: S3Server = request.getfixturevalue("s3")
        assert server.request("PUT", f"/{name}") == 200
        settings = BackupS3(
            endpoint=f"http://127.0.0.1:{server.port}", bucket=name, prefix="my/backups",
            access_key="access", secret_key="hidden-from-all", timeout_seconds=2,
        )  # fmt: skip
        return replace(backup, remote="s3", s3=settings)
    machine: SshServer = request.getfixturevalue("machine")
    machine.admit(public_key())
    return replace(backup, remote="sftp", sftp=machine.config(str(machine.folder / name / "deep")))
