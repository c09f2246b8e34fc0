"""PostgreSQL on the same machine: a database without a password, made when PostgreSQL is there."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from stories.client import make_alice, make_room, messages, running, send
from stories.system import call, install, prepare_system, preseed, purge, timed, wait_for

DATA: Final = Path("/var/lib/hearth")
COPIES: Final = DATA / "backups"


def main() -> None:
    """The whole story; an assertion that fails ends it."""
    prepare_system()
    preseed(
        "server-name string example.org",
        "public-host string matrix.example.org",
        "database select postgresql",
    )
    timed("install without PostgreSQL", lambda: install("old"))
    start_postgresql()
    timed("reconfigure with it", lambda: call("dpkg-reconfigure", "hearth"))
    check_database()
    with running("first start"):
        token = make_alice()
        room = make_room(token)
        send(token, room, "first")
        check_who_is_connected()
    timed("upgrade", lambda: install("new"))
    check_database()
    with running("start after the upgrade"):
        assert messages(token, room) == ["first"]
    copies = list(COPIES.glob("*/database.pgdump"))
    print(f"{len(copies)} copies before the upgrade")
    preseed("purge-data boolean true")
    purge()
    assert not DATA.exists()
    check_database()  # it is kept in any case


def start_postgresql() -> None:
    """The cluster that its package has made."""
    version, cluster = call("pg_lsclusters", "--no-header").split()[:2]
    # What a running system has, and its processes share memory through.
    call("mount", "-t", "tmpfs", "-o", "mode=1777", "shm", "/dev/shm")
    Path("/run/postgresql").mkdir(exist_ok=True)
    call("chown", "postgres:postgres", "/run/postgresql")
    call("pg_ctlcluster", version, cluster, "start")
    wait_for("PostgreSQL answers", lambda: asked("SELECT 1") == "1")


def check_database() -> None:
    """It belongs to the server, and sorts by bytes, as Hearth's indexes need."""
    query = (
        "SELECT concat_ws(' ', pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype) "
        "FROM pg_database WHERE datname = 'hearth'"
    )
    assert asked(query) == "hearth UTF8 C C", asked(query)
    role = "SELECT rolpassword IS NULL AND NOT rolsuper FROM pg_authid WHERE rolname = 'hearth'"
    assert asked(role) == "t"


def check_who_is_connected() -> None:
    """The server's own user, through the socket."""
    who = "SELECT DISTINCT concat_ws(' ', usename, client_addr)"
    query = f"{who} FROM pg_stat_activity WHERE datname = 'hearth'"
    assert asked(query) == "hearth", asked(query)


def asked(query: str) -> str:
    """What PostgreSQL answers its administrator."""
    command = ["runuser", "-u", "postgres", "--", "psql", "-qAt", "-c", query]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/").stdout.strip()


if __name__ == "__main__":
    main()
