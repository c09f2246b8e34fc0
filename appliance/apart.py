"""Running a function in a process of its own, whose memory goes with it: for what is big and seldom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIND = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
_BEGIN = "from appliance.apart import _child; _child(*json.loads(sys.argv[2]))"


class ApartError(Exception):
    """The process failed, or did not end in time."""


def run_apart(name: str, *arguments: Any, seconds: float) -> None:
    """Call a function by its dotted name, with arguments that are JSON, in a new process; wait for its end.

    Raises `ApartError` when it fails, or takes longer than so many seconds: then it is killed. Its log
    lines go where those of this process go.
    """
    command = python_command(_BEGIN, json.dumps([name, list(arguments)]))
    try:
        subprocess.run(command, check=True, timeout=seconds)  # noqa: S603  (a function of Hearth's own)
    except subprocess.TimeoutExpired as fault:
        raise ApartError(f"{name} did not end in {seconds:.0f} s") from fault
    except subprocess.CalledProcessError as fault:
        raise ApartError(f"{name} failed with exit code {fault.returncode}") from fault


def python_command(program: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
    """What starts Python on a program that finds modules where this process does, however that was started.

    Its arguments are `sys.argv[2]` and what follows.
    """
    return [sys.executable, *options, "-c", _FIND + program, json.dumps(sys.path), *arguments]


def _child(name: str, arguments: list[Any]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    import django
    from django.utils.module_loading import import_string

    from appliance.config import get_config
    from appliance.config.stored import refresh
    from appliance.logging import set_up_logging

    django.setup()
    config = get_config()
    set_up_logging(config.logging, recent=config.server.data_dir / "logs")
    refresh(now=True)
    import_string(name)(*arguments)
