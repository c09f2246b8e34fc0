"""How far a restore is, for another process: a small file in the folder of what runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_FILE: Final = "restore-progress.json"
_EVERY_SECONDS: Final = 0.5
# The phases in their order. Parts of the backup are checked under names of their own.
PHASES: Final = ("check", "database", "files", "media", "schema", "others")
_NAMED: Final = {"migrations": "schema"}


class Progress(msgspec.Struct, frozen=True):
    """The present phase, one of `PHASES`, and how much of it is done: bytes, or files of media."""

    phase: str = PHASES[0]
    done: int = 0
    total: int | None = None

    @property
    def percent(self) -> int | None:
        """How much of the phase is done; None where that is not known."""
        return min(100, self.done * 100 // self.total) if self.total else None


class Told:
    """Writes down how far it is, twice a second at most, and each new phase at once."""

    def __init__(self, run_dir: Path) -> None:
        self._file = run_dir / _FILE
        self._last = 0.0
        self._phase = ""

    def __call__(self, name: str, done: int, total: int | None) -> None:
        name = _NAMED.get(name, name)
        phase = name if name in PHASES else PHASES[0]
        if phase == self._phase and time.monotonic() - self._last < _EVERY_SECONDS:
            return
        self._phase, self._last = phase, time.monotonic()
        draft = self._file.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(Progress(phase, done, total)))
        draft.rename(self._file)


def read_progress(run_dir: Path) -> Progress:
    """How far a restore is; its beginning where nothing has been told."""
    try:
        return msgspec.json.decode((run_dir / _FILE).read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError):
        return Progress()


def forget_progress(run_dir: Path) -> None:
    """There is no restore any more."""
    (run_dir / _FILE).unlink(missing_ok=True)
