"""A PostgreSQL with a password, at a port of loopback, from the programs that are installed."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"


@contextmanager
def cluster(port: int) -> Iterator[str]:
    """The URL of an empty database in it; it is gone with the block."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="hearth-container-", dir="/tmp"))
    shutil.chown(folder, USER)
    password = secrets.token_urlsafe(24)
    (folder / "password").write_text(password)
    try:
        secret = ("--auth=scram-sha-256", f"--pwfile={folder / 'password'}")
        made = ("-D", folder / "data", "-U", USER, *secret, "--encoding=UTF8", "--locale=C", "--no-sync")
        as_postgres(programs / "initdb", *made)
        settings = f"-k {folder} -p {port} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = (programs / "pg_ctl", "-D", folder / "data", "-w", "-s", "-l", folder / "log")
        as_postgres(*control, "-o", settings, "start")
        try:
            yield f"postgresql://{USER}:{password}@127.0.0.1:{port}/postgres"
        finally:
            as_postgres(*control, "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder)


def as_postgres(*command: str | os.PathLike[str]) -> None:
    """PostgreSQL refuses to be run by root. Its server keeps no pipe of ours open."""
    with tempfile.TemporaryFile() as output:
        code = subprocess.run(
            command, stdout=output, stderr=output, cwd="/", user=USER, check=False
        ).returncode
        output.seek(0)
        assert code == 0, f"{command}: {output.read().decode(errors='replace')}"
