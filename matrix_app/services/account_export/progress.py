"""How far an archive is, and what is asked of it."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.requester import Requester
from matrix_app.storage.accounts import Account


class Options(msgspec.Struct, frozen=True):
    """What goes into an archive beside what the account itself has and what the user wrote."""

    # What others wrote, too, where the user may read it.
    history: bool = False
    # The files that the user uploaded.
    media: bool = True
    # What clients keep here that only they can open: sealed secrets, and keys of encrypted messages.
    sealed: bool = True
    language: str = "en"


class Progress(msgspec.Struct):
    """Where the work goes on; stored with each part."""

    phase: str = "account"
    # The room at work, or the one that was done last, and the place (depth, nid) in it.
    room_nid: int = 0
    place: tuple[int, int] | None = None
    page: int = 0
    # Of the room at work.
    events: int = 0
    # The last file, or the last key, that was taken.
    media_nid: int = 0
    key: tuple[str, str] = ("", "")
    pages: int = 0
    rooms_done: int = 0
    # What is told at the end.
    total_events: int = 0
    total_files: int = 0
    total_keys: int = 0


class Job(msgspec.Struct):
    """An archive that is being made: whose it is, and how far."""

    account: Account
    options: Options
    progress: Progress

    @property
    def reader(self) -> Requester:
        """The user, for services that ask who reads."""
        return Requester(
            user_id=self.account.user_id,
            user_nid=self.account.user_nid,
            device_id=None,
            device_nid=None,
            token_nid=None,
        )

    def next_phase(self, phase: str, **changes: Any) -> None:
        """Go on with something else."""
        self.progress.phase = phase
        self.progress.page = 0
        for name, value in changes.items():
            setattr(self.progress, name, value)
