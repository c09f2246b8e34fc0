"""Lists of files of media: a line of JSON for each.

A backup has one of its own (`media.jsonl`). One that is encrypted keeps it encrypted, and beside it a list of
the names in the pool, which tell nothing (`pool.jsonl`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import orjson

from appliance.backup.layout import MEDIA, POOL_LIST
from matrix_app.protocol.said import Said, said
from matrix_app.storage.snapshot_facts import MediaWanted

if TYPE_CHECKING:
    from appliance.backup.keys import Seal

WANTED: Final = ".wanted.jsonl"
# Names that may become those of files in the pool, whoever wrote the list.
POOL_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class Listed(NamedTuple):
    """A file of media: its name in the store, its size and SHA-256, and its name in the pool."""

    location: str
    size: int
    sha256: str | None
    name: str

    @property
    def missing(self) -> Said:
        """What is said of a file that is not there."""
        return said("the file {name} is missing", name=self.location)

    @property
    def damaged(self) -> Said:
        """What is said of a file that is not as it was."""
        return said("the file {name} is damaged", name=self.location)


class Pooled(NamedTuple):
    """A file of the pool: its name and its size there."""

    name: str
    size: int


def write_wanted(folder: Path, wanted: Iterable[MediaWanted], seal: Seal | None) -> int:
    """Note which files a backup is to have; how many."""
    count = 0
    with (folder / WANTED).open("wb") as stream:
        for one in wanted:
            name = () if seal is None else (seal.pool_name(one.location),)
            stream.write(orjson.dumps((*one, *name)) + b"\n")
            count += 1
    return count


def parse_line(line: bytes) -> Listed:
    """A line of a list."""
    location, size, sha256, *name = orjson.loads(line)
    return Listed(location, size, sha256, name[0] if name else location)


def read_list(stream: IO[bytes]) -> Iterator[Listed]:
    """The files of a list."""
    return map(parse_line, stream)


def pooled_of(folder: Path) -> Iterator[Pooled]:
    """The files of the pool that a backup names, encrypted or not; none when it has no media."""
    for file, _ in hashed_of(folder):
        yield file


def hashed_of(folder: Path) -> Iterator[tuple[Pooled, str | None]]:
    """As `pooled_of`, with the SHA-256 of a file as it lies in the pool where that is known."""
    if (folder / POOL_LIST).is_file():
        for file in read_pooled(folder / POOL_LIST):
            yield file, None
    elif (folder / MEDIA).is_file():
        with (folder / MEDIA).open("rb") as stream:
            for one in read_list(stream):
                yield Pooled(one.name, one.size), one.sha256


def read_pooled(file: Path) -> Iterator[Pooled]:
    """The files of the pool in a list of names."""
    with file.open("rb") as stream:
        for line in stream:
            yield Pooled(*orjson.loads(line))


def wanted_names(folder: Path) -> Iterator[str]:
    """The names in the pool of what a backup that is being made in a folder is to have."""
    if (folder / WANTED).is_file():
        with (folder / WANTED).open("rb") as stream:
            for one in read_list(stream):
                yield one.name
