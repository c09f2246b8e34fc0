"""Configurations of servers whose data and backups lie in folders of a test's own."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from appliance.config import Config


def quiet(_step: str, _done: int, _total: int | None) -> None:
    """Nobody listens to the progress."""


def no_tick() -> None:
    """Nobody wants to know that work goes on."""


def place_of_its_own(present: Config, folder: Path) -> Config:
    """A configuration with data and backups below a folder, and a secret outside of the folder of secrets."""
    data = folder / "data"
    server = replace(present.server, data_dir=data, secrets_dir=data / "secrets", run_dir=folder / "run")
    return replace(
        present,
        server=server,
        federation=replace(present.federation, signing_key_file=data / "secrets" / "signing.key"),
        registration=replace(present.registration, shared_secret_file=folder / "elsewhere"),
        media=replace(present.media, dir=data / "media"),
        backup=replace(present.backup, dir=folder / "backups"),
    )


def other_place(here: Config, folder: Path) -> Config:
    """The configuration of a new machine, on SQLite, which has the backups of another."""
    return replace(
        here,
        server=replace(here.server, data_dir=folder, secrets_dir=folder / "secrets"),
        federation=replace(here.federation, signing_key_file=folder / "secrets" / "signing.key"),
        registration=replace(here.registration, shared_secret_file=folder / "shared"),
        media=replace(here.media, dir=folder / "media"),
        database=replace(here.database, url="sqlite:///hearth.sqlite3"),
    )


def file_of_media(here: Config) -> Path:
    """The only file in the store of media."""
    [found] = [path for path in here.media.dir.rglob("*") if path.is_file()]
    return found
