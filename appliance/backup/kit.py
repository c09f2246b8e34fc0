"""The emergency kit: what opens encrypted backups when this machine is gone, and what to do with it.

It is a file of identities for `age`, whose comments are the instructions.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appliance.backup import keys
from appliance.backup.errors import BackupError
from appliance.config import get_config
from appliance.version import VERSION
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.storage.clock import now_ms

_MARK: Final = "backup.kit-{}"
_TEXT: Final = """\
# Emergency kit of {server}
#
# Made on {day} by Hearth {version}. Key {key}.
#
# With this file and a backup the server can be restored; without it, nobody can open the backups.
# Whoever has both has the server: keep it elsewhere than the backups, on paper or in a password manager.
#
# To restore, on a new machine:
# 1. Keep the old machine from starting again: two servers of one name break each other's rooms.
# 2. Install Hearth {version} or newer.
# 3. Write the server's name into hearth.toml and run: hearth restore BACKUP --kit THIS-FILE
#
# Backups are in {folder}
# Without Hearth: age --decrypt --identity THIS-FILE -o database.sqlite3.gz database.sqlite3.gz.age
#
{identity}
"""


def kit_text() -> str:
    """The kit for the key in use, which is made when it is missing."""
    config, identity = get_config(), keys.own_key()
    return _TEXT.format(
        server=config.server.name,
        day=datetime.fromtimestamp(now_ms() / 1000, UTC).strftime("%Y-%m-%d"),
        version=VERSION,
        key=keys.name_of(identity),
        folder=config.backup.dir,
        identity=identity,
    )


def _mark() -> Path:
    """A file that is there once the kit of the present key was handed out."""
    return get_config().server.secrets_dir / _MARK.format(keys.name_of(keys.own_key()))


def handed_out_ts() -> int | None:
    """When the kit of the present key was first handed out, in milliseconds; None when it was not."""
    try:
        return int(_mark().stat().st_mtime * 1000)
    except FileNotFoundError:
        return None


def fetch_once(actor: Actor) -> str:
    """The kit, for a page: once for each key. Raises `BackupError` when it was handed out before."""
    try:
        os.close(os.open(_mark(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
    except FileExistsError:
        raise BackupError(
            "The kit was handed out before; on the machine, hearth backup --kit prints it again"
        ) from None
    audit.record(actor, "backup.kit", keys.name_of(keys.own_key()))
    return kit_text()


def print_again(actor: Actor) -> str:
    """The kit, for whoever has the machine, and with it the key."""
    _mark().touch(mode=0o640)
    audit.record(actor, "backup.kit", keys.name_of(keys.own_key()))
    return kit_text()
