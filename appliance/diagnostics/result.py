"""What a check finds."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple


class Status(StrEnum):
    """How it stands, from good to bad; UNKNOWN: it cannot be told from here; SKIPPED: it makes no sense."""

    OK = "ok"
    INFO = "info"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    WARN = "warn"
    ERROR = "error"

    @property
    def is_bad(self) -> bool:
        """Whether somebody should look at it."""
        return self in (Status.WARN, Status.ERROR)


class Result(NamedTuple):
    """What a check found: a sentence, details, what to do about it, and what to copy for that."""

    status: Status
    summary: str
    detail: str = ""
    fix: str = ""
    snippet: str = ""
    # Figures for programs.
    data: dict[str, Any] = {}


def ok(summary: str, **data: Any) -> Result:
    """It is as it should be."""
    return Result(Status.OK, summary, data=data)


def warn(summary: str, *, fix: str = "", detail: str = "", snippet: str = "", **data: Any) -> Result:
    """It works, but not for long or not for all."""
    return Result(Status.WARN, summary, detail, fix, snippet, data)


def error(summary: str, *, fix: str = "", detail: str = "", snippet: str = "", **data: Any) -> Result:
    """It does not work."""
    return Result(Status.ERROR, summary, detail, fix, snippet, data)


def info(summary: str, *, fix: str = "", **data: Any) -> Result:
    """Worth knowing, and nothing to be done about it."""
    return Result(Status.INFO, summary, fix=fix, data=data)


def skipped(summary: str) -> Result:
    """It makes no sense here."""
    return Result(Status.SKIPPED, summary)


def unknown(summary: str, *, detail: str = "", fix: str = "") -> Result:
    """It cannot be told from here."""
    return Result(Status.UNKNOWN, summary, detail, fix)
