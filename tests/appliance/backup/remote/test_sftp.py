"""What a machine that is reached by SSH must show before anything is sent to it."""

from __future__ import annotations

import asyncssh
import pytest
from msgspec.structs import replace

from appliance.backup.remote.host_key import (
    ChangedHost,
    UnknownHost,
    fingerprint,
    parse_host_key,
    present_host_key,
    signatures_of,
)
from appliance.backup.remote.ssh_key import public_key
from appliance.backup.remote.store import RemoteError, open_store
from appliance.config import Config
from tests.appliance.backup.remote.conftest import needs_sshd
from tests.factories.backups import no_tick
from tests.factories.settings import settings
from tests.factories.ssh_server import SshServer

pytestmark = [pytest.mark.slow, needs_sshd]


@pytest.fixture
def kind() -> str:
    return "sftp"


def test_a_machine_is_not_trusted_before_somebody_has_confirmed_its_key(
    here: Config, machine: SshServer
) -> None:
    unseen = replace(here.backup.sftp, host_key="")
    with (
        settings(backup={"sftp": unseen}),
        open_store(no_tick) as store,
        pytest.raises(UnknownHost, match="Nobody has confirmed the key of 127"),
    ):
        store.put("x", b"x")
    shown = present_host_key(unseen)
    assert shown == machine.host_key
    assert fingerprint(shown).startswith("SHA256:")


def test_a_machine_with_another_key_gets_nothing(here: Config) -> None:
    changed = replace(here.backup.sftp, host_key=public_key())
    with (
        settings(backup={"sftp": changed}),
        open_store(no_tick) as store,
        pytest.raises(ChangedHost, match="Nothing was sent"),
    ):
        store.put("x", b"x")


def test_an_account_that_does_not_know_the_key_refuses(here: Config, machine: SshServer) -> None:
    known = machine.folder / "authorized_keys"
    kept = known.read_text()
    known.write_text("")
    try:
        with open_store(no_tick) as store, pytest.raises(RemoteError, match="refuses Hearth's key"):
            store.put("x", b"x")
    finally:
        known.write_text(kept)


def test_old_signatures_are_not_taken_from_a_machine() -> None:
    key = asyncssh.generate_private_key("ssh-rsa").export_public_key().decode()
    assert signatures_of(parse_host_key(key)) == ["rsa-sha2-256", "rsa-sha2-512"]
    with pytest.raises(RemoteError, match="is not a public key"):
        parse_host_key("ssh-ed25519 AAAA")
