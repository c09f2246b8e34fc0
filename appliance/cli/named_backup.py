"""The backup that a verb is about: by its name, its folder, or as one file; and the kit that opens it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from appliance.backup.keys import Keys
    from appliance.backup.layout import Stored
    from appliance.telling import Tell

AS_ONE_FILE = ".tar"


def add_kit(parser: ArgumentParser) -> None:
    """`--kit`."""
    parser.add_argument(
        "--kit", type=Path, metavar="FILE", help="the emergency kit that opens it, when it is encrypted"
    )


def keys_given(arguments: Namespace) -> Keys | None:
    """The keys of the kit that was given; raises `BackupError`."""
    from appliance.backup.keys import read_keys

    return read_keys(arguments.kit) if arguments.kit else None


def backup_here(text: str, tell: Tell) -> Stored:
    """A backup of this machine; one file is taken apart into the folder of backups. Raises `BackupError`."""
    from appliance.backup.layout import find_backup
    from appliance.backup.unpack import unpack
    from appliance.config import get_config

    if not text.endswith(AS_ONE_FILE) or Path(text).is_dir():
        return find_backup(get_config().backup.dir, text)
    file = Path(text).absolute()
    _look(file)
    return unpack(file, tell)


def _look(file: Path) -> None:
    """Raise what is wrong with a file before anything begins: `BackupError`, or `PermissionError`."""
    from appliance.backup.errors import BackupError

    try:
        file.open("rb").close()
    except (FileNotFoundError, NotADirectoryError) as fault:
        raise BackupError(f"{file} cannot be read: {fault.strerror}") from fault
