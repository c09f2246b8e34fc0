"""An object store that speaks S3, in a process of its own on a loopback port."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from appliance.config.sections.media import S3
from tests.real_server import free_port

START_SECONDS = 60.0


class S3Server(NamedTuple):
    """Where the store listens."""

    port: int

    def request(self, method: str, path: str) -> int:
        """A request without a signature, which this store does not ask for; the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()

    def config(self, folder: Path, bucket: str, prefix: str = "") -> S3:
        """The settings of a new bucket, whose keys are in files of a folder."""
        assert self.request("PUT", f"/{bucket}") == 200
        return S3(
            endpoint=f"http://127.0.0.1:{self.port}",
            bucket=bucket,
            prefix=prefix,
            timeout_seconds=2,
            **keys_in(folder),
        )


def keys_in(folder: Path) -> dict[str, Any]:
    """The settings of keys, in files of a folder."""
    for name in ("access", "secret"):
        (folder / name).write_text(f"{name}-key\n")
    return {"access_key_file": folder / "access", "secret_key_file": folder / "secret"}


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A store with nothing in it, as long as the block runs."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        server = S3Server(port)
        _wait(server, process)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait(server: S3Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the object store ended"
        try:
            server.request("GET", "/")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the object store did not start")
