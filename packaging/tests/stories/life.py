"""Install, configure, first message, upgrade, roll back, upgrade again, reconfigure, remove, purge."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stories.client import make_alice, make_room, messages, running, send
from stories.system import call, install, prepare_system, preseed, purge, timed

ANSWERS: Final = Path("/etc/hearth/conf.d/debconf.toml")
DATA: Final = Path("/var/lib/hearth")
CODE: Final = Path("/usr/lib/hearth")


def main() -> None:
    """The whole story; an assertion that fails ends it."""
    prepare_system()
    preseed(
        "server-name string example.org",
        "public-host string matrix.example.org",
        "tls-mode select behind-proxy",
    )
    timed("install", lambda: install("old"))
    check_installed()
    check_versions()
    check_reconfigured()
    check_removed()
    check_purged()


def check_installed() -> None:
    """Owners, modes, and what was answered."""
    assert 'name = "example.org"' in ANSWERS.read_text()
    assert oct(ANSWERS.stat().st_mode & 0o7777) == "0o640"
    assert ANSWERS.stat().st_uid == 0
    assert DATA.owner() == "hearth"
    assert not list(DATA.iterdir()), "installing made data before there was a server"
    shown = call("hearth", "config", "--changed")
    assert 'server.public_baseurl = "https://matrix.example.org"' in shown
    assert not call("dpkg", "--verify", "hearth", "hearth-runtime")
    assert "reverse_proxy 127.0.0.1:8008" in call("hearth", "render-proxy", "caddy")


def check_versions() -> None:
    """Messages and secrets live through versions in both directions, whatever each makes of the schema."""
    with running("first start"):
        token = make_alice()
        room = make_room(token)
        send(token, room, "first")
    kept, older = secrets(), migrations()
    timed("upgrade", lambda: install("new"))
    newer = migrations() - older
    with running("start after the upgrade"):
        assert messages(token, room) == ["first"]
        send(token, room, "second")
    print(f"{len(newer)} migrations: {' '.join(sorted(newer)) or 'the schema is the same'}")
    assert bool(copies()) == bool(newer), "a copy is made when the schema changes, and only then"
    timed("roll back", lambda: install("old"))
    assert migrations() == older
    with running("start after the roll back"):
        assert messages(token, room) == ["first", "second"]
        send(token, room, "third")
    timed("upgrade again", lambda: install("new"))
    with running("start after that"):
        assert messages(token, room) == ["first", "second", "third"]
    assert {name: secrets().get(name) for name in kept} == kept, "an upgrade changed secrets"


def secrets() -> dict[str, bytes]:
    """Every secret by its file."""
    return {file.name: file.read_bytes() for file in (DATA / "secrets").iterdir()}


def migrations() -> set[str]:
    """The names of those that the installed version has."""
    return {file.stem for file in CODE.glob("*/storage/migrations/0*.py")}


def copies() -> list[Path]:
    """The copies of the database that were made before upgrades."""
    return list((DATA / "backups").glob("*/manifest.json"))


def check_reconfigured() -> None:
    """What was changed by hand wins over the answer from before."""
    ANSWERS.write_text(ANSWERS.read_text().replace("matrix.example.org", "chat.example.org"))
    call("dpkg-reconfigure", "hearth")
    assert 'public_baseurl = "https://chat.example.org"' in ANSWERS.read_text()


def check_removed() -> None:
    """Data and configuration stay; programs and what they compiled go."""
    call("dpkg", "--remove", "hearth", "hearth-runtime")
    assert ANSWERS.exists()
    assert (DATA / "secrets" / "signing.key").exists()
    for folder in (CODE, Path("/usr/lib/hearth-runtime")):
        assert not folder.exists(), list(folder.rglob("*"))[:5]


def check_purged() -> None:
    """A purge keeps the data unless it is told otherwise."""
    purge()
    assert (DATA / "secrets" / "signing.key").exists()
    assert not Path("/etc/hearth").exists(), list(Path("/etc/hearth").rglob("*"))
    preseed("server-name string example.org", "purge-data boolean true")
    install("new")
    purge()
    assert not DATA.exists()
    assert not Path("/etc/hearth").exists()


if __name__ == "__main__":
    main()
