"""Reading what lies elsewhere in pieces."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from appliance.backup.age import Source
from appliance.backup.errors import BackupError
from appliance.backup.manifest import Manifest, part_of
from appliance.backup.remote.pieces import Piece, pieces_of
from appliance.backup.remote.store import RemoteStore
from appliance.backup.remote.work import Work
from appliance.backup.streams import copy_exactly
from matrix_app.protocol.said import said


class Joined:
    """A file of a known size, whose pieces are read one after another; raises `FileNotFoundError`."""

    def __init__(self, store: RemoteStore, name: str, size: int) -> None:
        self._store = store
        self._pieces = pieces_of(name, size)
        self._open = ExitStack()
        self._source: Source | None = None

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        while True:
            if self._source is None:
                piece = next(self._pieces, None)
                if piece is None:
                    return b""
                self._source = self._open.enter_context(self._store.get(piece.name))
            if chunk := self._source.read(size):
                return chunk
            self._open.close()
            self._source = None

    def close(self) -> None:
        """Let go of the piece that is open."""
        self._open.close()

    def __enter__(self) -> Joined:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def fetch_part(work: Work, server: str, manifest: Manifest, name: str, folder: Path) -> None:
    """Fetch a small part into a folder; raises `BackupError` when it is missing or not as it was."""
    part, file = manifest.parts[name], folder / name
    try:
        with (
            Joined(work.store, f"{server}/{manifest.id}/{name}", part.size) as source,
            file.open("wb") as out,
        ):
            copy_exactly(source, out, part.size)
    except FileNotFoundError:
        raise BackupError(
            said(
                "{name} of the backup {id} is missing at {title}",
                name=name,
                id=manifest.id,
                title=work.store.title,
            )
        ) from None
    check_part(file, manifest, name)


def check_part(file: Path, manifest: Manifest, name: str) -> None:
    """Raise `BackupError` unless a part that was fetched is what the manifest says; it is removed then."""
    if part_of(file) != manifest.parts[name]:
        file.unlink()
        raise BackupError(
            said(
                "{name} of the backup {id} is damaged: its hash is not that of the manifest",
                name=name,
                id=manifest.id,
            )
        )


def write_piece(work: Work, piece: Piece, file: Path) -> None:
    """Fetch a piece to where it belongs in a file."""
    try:
        with work.store.get(piece.name) as source, file.open("r+b" if file.exists() else "wb") as target:
            target.seek(piece.offset)
            target.truncate()
            if not copy_exactly(source, target, piece.size):
                raise BackupError(
                    said(
                        "{name} at {title} has another size than it should",
                        name=piece.name,
                        title=work.store.title,
                    )
                )
            target.flush()
            os.fsync(target.fileno())
    except FileNotFoundError:
        raise BackupError(
            said("{name} is missing at {title}", name=piece.name, title=work.store.title)
        ) from None
