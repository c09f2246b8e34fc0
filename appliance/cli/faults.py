"""What can go wrong with any verb, in sentences: the one place that renders faults for a terminal."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.cli.permission import denied
from appliance.config import ConfigError
from appliance.folders import NotWritable, why_unusable
from appliance.process import FIRST_PROCESS
from appliance.schema import SchemaRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED = 1
WRONG_CONFIGURATION = 2
DATABASE_UNUSABLE = 3
INTERRUPTED = 130


class Told(NamedTuple):
    """A fault for people, and the exit code that tells programs of it."""

    code: int
    sentence: str


class ToldBefore(Exception):
    """A fault of another process, which has put it into words already."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.sentence)
        self.told = told


def told(fault: BaseException, arguments: Sequence[str]) -> Told | None:
    """What to say of a fault; None for one that nobody foresaw, whose traceback is wanted."""
    if isinstance(fault, ToldBefore):
        return fault.told
    if isinstance(fault, KeyboardInterrupt):
        return Told(INTERRUPTED, "")
    if isinstance(fault, ConfigError | SchemaRefused):
        return Told(WRONG_CONFIGURATION, str(fault))
    if isinstance(fault, NotWritable):
        return Told(FAILED, str(fault))
    if isinstance(fault, PermissionError) and os.getpid() == FIRST_PROCESS:  # in a container is no sudo
        return Told(FAILED, why_unusable(Path(fault.filename or "/")))
    if isinstance(fault, PermissionError):
        return Told(FAILED, denied(str(fault.filename or "a file"), arguments))
    if isinstance(fault, OSError) and fault.errno == errno.ENOSPC:
        return Told(FAILED, f"the disk is full: {fault.filename or 'nothing more can be written'}")
    return _of_services(fault)


def _of_services(fault: BaseException) -> Told | None:
    """Faults whose classes cost time to import, which is no matter now."""
    from django.db import OperationalError

    from matrix_app.protocol.errors import MatrixError

    if isinstance(fault, MatrixError):
        return Told(FAILED, fault.message or fault.errcode)
    if isinstance(fault, OperationalError):
        return Told(DATABASE_UNUSABLE, f"the database cannot be used: {str(fault).strip()}")
    return None
