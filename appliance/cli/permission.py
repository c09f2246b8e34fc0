"""Who may run what: the exact command for whoever is the wrong user."""

from __future__ import annotations

import os
import pwd
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.config import Config

# What packages call it; it becomes the server's user by itself when root starts it.
PACKAGED = "hearth"


def refusal(config: Config, arguments: Sequence[str]) -> str | None:
    """Why this user must not work with the data, and the command to use instead; None when they may.

    What root makes among files of somebody else, the server could not write.
    """
    folder = config.server.data_dir
    try:
        status = folder.stat()
    except FileNotFoundError:
        return None  # not made yet, and whoever makes it owns it
    except PermissionError:
        return denied(str(folder), arguments)
    if os.geteuid() == 0 and status.st_uid != 0:
        owner = status.st_uid
        return f"{folder} belongs to {_name(owner)}. Run this:\n    {command(arguments, owner)}"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return denied(str(folder), arguments, status.st_uid)
    return None


def denied(what: str, arguments: Sequence[str], owner: int = 0) -> str:
    """That this user may not use a file or folder, and the command that may."""
    own = pwd.getpwuid(os.geteuid()).pw_name if _is_known(os.geteuid()) else str(os.geteuid())
    if own == PACKAGED == Path(sys.argv[0]).name:  # root has become this user already
        return (
            f"{own}, as whom the server and its commands run, may not use {what}. "
            f"Choose a place that this user may use, or give the file to it: chown {own}"
        )
    return f"{own} may not use {what}. Run this:\n    {command(arguments, owner)}"


def command(arguments: Sequence[str], owner: int) -> str:
    """The command that does the same as the user who may."""
    program = Path(sys.argv[0]).name
    if program == PACKAGED:
        return f"sudo {shlex.join([program, *arguments])}"
    as_owner = [] if owner == 0 else ["-u", _name(owner)]
    return f"sudo {shlex.join([*as_owner, './hearth', *arguments])}"


def _name(uid: int) -> str:
    return pwd.getpwuid(uid).pw_name if _is_known(uid) else f"#{uid}"


def _is_known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
