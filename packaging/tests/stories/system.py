"""The system that a story happens in: its programs and packages."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

# An emulated machine takes longer for everything.
SECONDS: Final = 120 * int(os.environ.get("STORY_PATIENCE", "1"))
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def prepare_system() -> None:
    """What the kernel gives to processes, and a loopback."""
    for kind, place in (("proc", "/proc"), ("tmpfs", "/run"), ("tmpfs", "/tmp")):
        call("mount", "-t", kind, kind, place)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        fcntl.ioctl(line, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
    # The system is thrown away: nothing is gained by waiting for the disk.
    Path("/etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")


def preseed(*answers: str) -> None:
    """Answers debconf's questions before they are asked."""
    call("debconf-set-selections", text="".join(f"hearth hearth/{answer}\n" for answer in answers))


def install(which: str) -> str:
    """What is not installed yet of the packages of a folder, as apt does; tells what dpkg said."""
    missing = [file for file in sorted(Path(f"/test/{which}").glob("*.deb")) if not is_installed(file)]
    return call("dpkg", "--force-downgrade", "-i", *map(str, missing))


def is_installed(file: Path) -> bool:
    """Whether the package of a file is there in just that version."""
    name, version = call("dpkg-deb", "--show", "--showformat", "${Package} ${Version}", str(file)).split()
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}${Version}", name]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == f"ii {version}"


def purge() -> None:
    """Removes the packages with their configuration."""
    call("dpkg", "--purge", "hearth", "hearth-runtime")


def call(*command: str, text: str = "") -> str:
    """What a program printed; it must succeed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout


def wait_for(what: str, condition: Callable[[], bool], seconds: float = SECONDS) -> float:
    """Until it holds; tells after how many seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - began


def timed(what: str, work: Callable[[], object]) -> None:
    """Tells how long it took."""
    began = time.monotonic()
    work()
    tell(what, began)


def tell(what: str, began: float) -> None:
    """A line for whoever watches."""
    print(f"{what:<34} {time.monotonic() - began:6.1f} s")
