"""Files that are larger than what a server may keep in memory, and clients that are slow to read them."""

from __future__ import annotations

import hashlib
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.real_server import RealServer, descendants, engines, real_server
from tests.toml_text import Tables

MIB = 1 << 20
SIZE = 200 * MIB
# How much the processes may grow, all together, while a file passes.
GROWTH = 24 * MIB

pytestmark = pytest.mark.slow


class Uploader:
    """A user of a server that runs."""

    def __init__(self, server: RealServer) -> None:
        self.server = server
        self.http = requests.Session()
        self.http.trust_env = False
        url = server.base + "/_matrix/client/v3/register"
        auth = {"type": "m.login.dummy", "session": self.http.post(url, json={}).json()["session"]}
        body: dict[str, Any] = {"username": secrets.token_hex(4), "password": "long enough", "auth": auth}
        token = self.http.post(url, json=body).json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def upload(self, size: int) -> str:
        """Upload a file of a repeated megabyte; the address to download it from."""
        block = secrets.token_bytes(MIB)
        self.digest = hashlib.sha256(block * (size // MIB)).digest()
        answer = self.http.post(
            self.server.base + "/_matrix/media/v3/upload",
            data=(block for _ in range(size // MIB)),
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.status_code == 200, answer.text
        place = answer.json()["content_uri"].removeprefix("mxc://")
        return f"{self.server.base}/_matrix/client/v1/media/download/{place}"


@pytest.fixture(scope="module")
def uploader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Uploader]:
    settings: Tables = {"media": {"max_upload_bytes": SIZE}, "logging": {"level": "error"}}
    with real_server(tmp_path_factory.mktemp("hearth"), engines()[-1], settings) as server:
        yield Uploader(server)


def peak_growth(server: RealServer, before: dict[int, int]) -> int:
    return sum(max(0, peak(pid) - before.get(pid, 0)) for pid in processes(server))


def processes(server: RealServer) -> list[int]:
    process = server._process
    assert process is not None
    return [process.pid, *descendants(process.pid)]


def peak(pid: int) -> int:
    """The most memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def test_a_large_file_goes_up_and_down_without_being_in_memory(uploader: Uploader) -> None:
    uploader.upload(MIB)
    before = {pid: peak(pid) for pid in processes(uploader.server)}
    address = uploader.upload(SIZE)
    hashed = hashlib.sha256()
    with uploader.http.get(address, stream=True) as answer:
        assert answer.headers["Content-Length"] == str(SIZE)
        for chunk in answer.iter_content(MIB):
            hashed.update(chunk)
    assert hashed.digest() == uploader.digest
    assert peak_growth(uploader.server, before) < GROWTH


def test_a_file_that_is_too_large_is_refused_before_it_has_arrived(uploader: Uploader) -> None:
    address = urlsplit(uploader.server.base)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        lines = ("POST /_matrix/media/v3/upload HTTP/1.1", "Host: x", f"Content-Length: {2 * SIZE}", "", "")
        connection.sendall("\r\n".join(lines).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_those_who_download_slowly_keep_nobody_waiting(uploader: Uploader) -> None:
    address = uploader.upload(20 * MIB)
    slow = [uploader.http.get(address, stream=True) for _ in range(12)]
    for answer in slow:
        assert answer.raw.read(10)
    begin = time.monotonic()
    assert uploader.http.get(address, headers={"Range": "bytes=0-9"}).status_code == 206
    assert uploader.http.get(f"{uploader.server.base}/_matrix/client/versions").status_code == 200
    assert time.monotonic() - begin < 5
    for answer in slow:
        answer.close()


def test_the_head_of_a_file_tells_its_length(uploader: Uploader) -> None:
    address = uploader.upload(MIB)
    answer = uploader.http.head(address)
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(MIB))
    assert answer.headers["Accept-Ranges"] == "bytes"
