"""What a backup says of itself: `manifest.json`, written last."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Final, Literal

import msgspec
import orjson

from appliance.backup.errors import BackupError
from matrix_app.protocol.said import packed, said, unpacked

FORMAT: Final = 2
# What is not encrypted can be read by versions that know nothing of encryption.
PLAIN_FORMAT: Final = 1
FILE: Final = "manifest.json"
HASHED_BYTES: Final = 1 << 20
# Names that may become those of files, whoever wrote the manifest.
PART_NAME: Final = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")


class Part(msgspec.Struct, frozen=True):
    """A file of a backup: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


class MediaPart(msgspec.Struct, frozen=True):
    """Files of media that belong to a backup, and how many were no longer in the store."""

    files: int = 0
    size: int = 0
    missing: int = 0


class Encryption(msgspec.Struct, frozen=True):
    """The short name of the key, and what shows that the manifest was written by who has it."""

    key: str
    proof: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A whole backup. Times are milliseconds since the epoch; `counts` are rows by table.

    Of one that is encrypted, neither `counts` nor `stream_position` is told here.
    """

    format: int
    id: str
    reason: str
    hearth_version: str
    server_name: str
    engine: Literal["sqlite", "postgresql"]
    created_ts: int
    finished_ts: int
    migrations: list[tuple[str, str]]
    counts: dict[str, int]
    stream_position: int
    parts: dict[str, Part]
    media: MediaPart | None
    encryption: Encryption | None = None

    @property
    def size(self) -> int:
        """The bytes of its own files, without media."""
        return sum(part.size for part in self.parts.values())


class Verdict(msgspec.Struct, frozen=True):
    """What came of a verification at a time; faults are sentences, which files and states keep packed."""

    ts: int
    faults: list[str]


def read_again(verdict: Verdict) -> Verdict:
    """A verdict out of a file or a state, with its faults as sentences again."""
    return Verdict(verdict.ts, sentences_of(verdict.faults))


def sentences_of(faults: Iterable[str]) -> list[str]:
    """Faults that were packed, as sentences."""
    return [unpacked(fault) for fault in faults]


def packed_faults(faults: Iterable[str], most: int | None = None) -> list[str]:
    """Faults as a file or a state keeps them, at most so many."""
    return [packed(fault) for fault in islice(faults, most)]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup's folder; raises `BackupError` when it is none, or is of a newer kind."""
    try:
        data = (folder / FILE).read_bytes()
    except OSError as fault:
        raise BackupError(
            said("{folder} is not a backup: it has no {file}", folder=folder, file=FILE)
        ) from fault
    return parse_manifest(data, str(folder / FILE))


def parse_manifest(data: bytes, where: str) -> Manifest:
    """A manifest from its bytes; raises `BackupError` when it is none, or is of a newer kind."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as fault:
        raise BackupError(said("{where} is damaged: {fault}", where=where, fault=fault)) from fault
    if not all(PART_NAME.fullmatch(name) for name in manifest.parts):
        raise BackupError(said("{where} is damaged: it names parts that cannot be", where=where))
    if manifest.format > FORMAT:
        raise BackupError(
            said(
                "This backup was made by Hearth {version}, and this version does not know its form:"
                " install that version or a newer one",
                version=manifest.hearth_version,
            )
        )
    return manifest


def proven_content(data: bytes) -> bytes:
    """What the proof in an encoded manifest is made of: all the rest, however it is written."""
    fields = orjson.loads(data)
    fields["encryption"] = {**(fields.get("encryption") or {}), "proof": ""}
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


def part_of(file: Path, tick: Callable[[], None] = lambda: None) -> Part:
    """The size and hash of a file; `tick` is called meanwhile, and may raise."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(HASHED_BYTES):
            digest.update(chunk)
            tick()
    return Part(file.stat().st_size, digest.hexdigest())
