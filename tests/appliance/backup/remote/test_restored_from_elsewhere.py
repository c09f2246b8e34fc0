"""A server that is lost with its machine and comes back from an encrypted copy in an object store."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from tests.factories.commands import Someone, command, register
from tests.factories.s3_server import S3Server
from tests.real_server import PROJECT, RealServer
from tests.toml_text import Tables

pytestmark = pytest.mark.slow

PICTURE = secrets.token_bytes(300_000)


@pytest.fixture
def bucket(s3: S3Server) -> S3Store:
    name = f"b-{secrets.token_hex(8)}"
    assert s3.request("PUT", f"/{name}") == 200
    return S3Store(
        name,
        endpoint=f"http://127.0.0.1:{s3.port}",
        client_options={"allow_http": True},
        access_key_id="access",
        secret_access_key="secret",
        virtual_hosted_style_request=False,
    )


def settings_for(bucket: S3Store, s3: S3Server, **more: object) -> Tables:
    """Backups that are encrypted and copied into a bucket."""
    remote = {
        "endpoint": f"http://127.0.0.1:{s3.port}",
        "bucket": bucket.config["bucket"],
        "access_key": "access",
        "secret_key": "secret",
    }
    return {"backup": {"encrypt": True, "remote": "s3", "every_hours": 0, "s3": remote, **more}}


def names_in(bucket: S3Store) -> list[str]:
    return [entry["path"] for page in obstore.list(bucket) for entry in page]


def upload(base: str, who: Someone, content: bytes) -> str:
    request = urllib.request.Request(
        f"{base}/_matrix/media/v3/upload",
        content,
        {"Authorization": f"Bearer {who.token}", "Content-Type": "image/png"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["content_uri"]).removeprefix("mxc://")


def download(base: str, who: Someone, place: str) -> bytes:
    request = urllib.request.Request(
        f"{base}/_matrix/client/v1/media/download/{place}", headers={"Authorization": f"Bearer {who.token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return bytes(answer.read())


def killed_midway(folder: Path, bucket: S3Store) -> None:
    """Have a backup made and copied, and kill the process while it is on its way."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEARTH_", "DJANGO_"))}
    environment |= {"HEARTH_CONFIG": str(folder / "hearth.toml")}
    environment |= {"HEARTH_BACKUP__REMOTE_KIB_PER_SECOND": "10"}
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance.cli", "backup"],
        cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not names_in(bucket):
        assert process.poll() is None, "it ended before it had sent anything"
        assert time.monotonic() < deadline, "nothing is sent"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_it_comes_back_by_the_kit_although_the_first_upload_was_killed(
    tmp_path: Path, urls: list[str], bucket: S3Store, s3: S3Server
) -> None:
    first_folder, second_folder = tmp_path / "first", tmp_path / "second"
    first_folder.mkdir()
    second_folder.mkdir()
    first = RealServer(first_folder, database_url=urls[0], settings=settings_for(bucket, s3))
    with first:
        alice = register(first.base, "alice")
        room = alice.ask(first.base, "POST", "/createRoom", {})["room_id"]
        place = upload(first.base, alice, PICTURE)
        killed_midway(first_folder, bucket)
        [made] = command(first_folder, "backup", "--list")["backups"]
        assert made["folder"]
        assert not made["elsewhere"], "half of it is no backup"
        sent = set(names_in(bucket))
        command(first_folder, "remote-backup", "upload")
        assert sent < set(names_in(bucket))
        [made] = command(first_folder, "backup", "--list")["backups"]
        assert made["elsewhere"]
        assert command(first_folder, "verify-backup", "--remote")["elsewhere_faults"] == []
        (tmp_path / "kit.txt").write_text(printed(first_folder, "backup", "--kit"))
        first.crash()
    name = {"server": {"name": f"127.0.0.1:{first.port}"}}
    second = RealServer(second_folder, database_url=urls[1], settings={**settings_for(bucket, s3), **name})
    restored = command(second_folder, "restore", "--remote", made["id"], "--kit", str(tmp_path / "kit.txt"))
    assert (restored["lost_media"], restored["unproven"]) == (0, False)
    with second:
        state = alice.ask(second.base, "GET", f"/rooms/{room}/state")
        assert state
        assert download(second.base, alice, place) == PICTURE
        again = command(second_folder, "backup")
        assert again["backups"][0]["encrypted_to"] == made["encrypted_to"]


def printed(folder: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEARTH_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", *arguments],
        cwd=PROJECT, env=environment | {"HEARTH_CONFIG": str(folder / "hearth.toml")},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout
