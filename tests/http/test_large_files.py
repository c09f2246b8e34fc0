"""Files that are larger than what a server may keep in memory, and clients that are slow to read them."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from msgspec.structs import asdict

from tests.factories.s3_server import s3_server
from tests.real_server import RealServer, descendants, engines, real_server
from tests.toml_text import Tables

MIB = 1 << 20
# HEARTH_TEST_LARGE_MIB=1024 tries a gigabyte.
SIZE = int(os.environ.get("HEARTH_TEST_LARGE_MIB", "200")) * MIB
# How much the processes may grow, all together, while a file passes.
GROWTH = 24 * MIB

pytestmark = pytest.mark.slow


class Uploader:
    """A user of a server that runs."""

    def __init__(self, server: RealServer) -> None:
        self.server = server
        self.folder = server.log.parent
        self.http = requests.Session()
        self.http.trust_env = False
        url = server.base + "/_matrix/client/v3/register"
        auth = {"type": "m.login.dummy", "session": self.http.post(url, json={}).json()["session"]}
        body: dict[str, Any] = {"username": secrets.token_hex(4), "password": "long enough", "auth": auth}
        self.token = self.http.post(url, json=body).json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

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
    """A server that keeps media in a folder."""
    settings: Tables = {"media": {"max_upload_bytes": SIZE}, "logging": {"level": "error"}}
    with real_server(tmp_path_factory.mktemp("hearth"), engines()[-1], settings) as server:
        yield Uploader(server)


@pytest.fixture(scope="module")
def remote_uploader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Uploader]:
    """A server that keeps media in an object store."""
    folder = tmp_path_factory.mktemp("hearth")
    with s3_server() as store:
        s3 = {name: value for name, value in asdict(store.config(folder, "media")).items() if value}
        settings: Tables = {
            "media": {"max_upload_bytes": SIZE, "store": "s3", "s3": s3},
            "logging": {"level": "error"},
        }
        with real_server(folder, engines()[0], settings) as server:
            yield Uploader(server)


def up_and_down(uploader: Uploader, size: int) -> None:
    """A large file comes back as it was, and memory does not grow by it."""
    uploader.upload(MIB)
    before = {pid: peak(pid) for pid in processes(uploader.server)}
    address = uploader.upload(size)
    hashed = hashlib.sha256()
    with uploader.http.get(address, stream=True) as answer:
        assert answer.headers["Content-Length"] == str(size)
        for chunk in answer.iter_content(MIB):
            hashed.update(chunk)
    assert hashed.digest() == uploader.digest
    assert peak_growth(uploader.server, before) < GROWTH


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
    up_and_down(uploader, SIZE)


def test_a_large_file_goes_to_an_object_store_and_back_without_being_in_memory(
    remote_uploader: Uploader,
) -> None:
    up_and_down(remote_uploader, SIZE // 2)
    address = remote_uploader.upload(3 * MIB)
    part = remote_uploader.http.get(address, headers={"Range": "bytes=2000000-2000009"})
    assert (part.status_code, len(part.content)) == (206, 10)


def stored(uploader: Uploader) -> list[Path]:
    """What the server keeps on its disk, but for the database and its own files."""
    return [path for path in (uploader.folder / "var" / "media").rglob("*") if path.is_file()]


def open_files(uploader: Uploader) -> int:
    """How many files that have no name the server's processes hold."""
    names = (
        name_of(number) for pid in processes(uploader.server) for number in Path(f"/proc/{pid}/fd").iterdir()
    )
    return sum(str(uploader.folder) in name and name.endswith("(deleted)") for name in names)


def name_of(number: Path) -> str:
    """What an open file is called; nothing once it has been closed."""
    try:
        return str(number.readlink())
    except FileNotFoundError:
        return ""


def begin_upload(uploader: Uploader, token: str, sent: int) -> socket.socket:
    """An upload of which a part has been sent."""
    address = urlsplit(uploader.server.base)
    connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=10)
    lines = (
        "POST /_matrix/media/v3/upload HTTP/1.1", "Host: x", f"Authorization: Bearer {token}",
        "Content-Type: application/octet-stream", f"Content-Length: {100 * MIB}", "", "",
    )  # fmt: skip
    connection.sendall("\r\n".join(lines).encode())
    connection.sendall(bytes(sent))
    return connection


def test_an_upload_that_breaks_off_leaves_nothing(uploader: Uploader) -> None:
    before, held = stored(uploader), open_files(uploader)
    connection = begin_upload(uploader, uploader.token, 20 * MIB)
    wait_for(lambda: open_files(uploader) > held)
    connection.close()
    wait_for(lambda: open_files(uploader) == held)
    assert stored(uploader) == before


def test_a_stranger_is_told_before_anything_is_written(uploader: Uploader) -> None:
    held = open_files(uploader)
    with begin_upload(uploader, "nonsense", 2 * MIB) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")
    assert open_files(uploader) == held


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


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
