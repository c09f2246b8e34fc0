"""`hearth media`."""

from __future__ import annotations

import hashlib

import pytest

from appliance.cli.__main__ import main
from tests.factories.client import ClientFactory
from tests.factories.media import download, send, upload


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints that goes well."""
    assert main(["media", *arguments]) == 0
    return capsys.readouterr().out


def test_it_tells_how_much_there_is(clients: ClientFactory, capsys: pytest.CaptureFixture[str]) -> None:
    upload(clients.make(), bytes(3 << 20))
    assert "of this server's users: 1 (3 MiB)\n" in said(capsys, "status")
    assert said(capsys, "evict") == "removed 0 media\n"
    assert said(capsys, "check").startswith("removed 0 files")


def test_media_are_quarantined_and_removed(
    clients: ClientFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = clients.make()
    place = upload(alice, b"something")
    assert said(capsys, "quarantine", f"mxc://{place}") == "quarantined 1 media\n"
    assert download(alice, place).status == 404
    assert said(capsys, "remove", f"mxc://{place}") == f"removed mxc://{place}\n"
    assert main(["media", "remove", f"mxc://{place}"]) == 1
    assert main(["media", "remove", "nonsense"]) == 1
    assert "There are no such media" in capsys.readouterr().err


def test_files_are_blocked_by_their_hash(clients: ClientFactory, capsys: pytest.CaptureFixture[str]) -> None:
    alice = clients.make()
    digest = hashlib.sha256(b"bad").hexdigest()
    said(capsys, "block", digest.upper())
    assert send(alice, "POST", "/_matrix/media/v3/upload", b"bad").status == 403
    said(capsys, "unblock", digest)
    upload(alice, b"bad")
    assert main(["media", "block", "abc"]) == 1


def test_copying_to_where_the_files_are_already_changes_nothing(
    clients: ClientFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(clients.make(), b"something")
    assert said(capsys, "copy", "folder", "folder") == "copied 0 files\n"
