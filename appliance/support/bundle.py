"""Putting the parts of a support bundle into one file."""

from __future__ import annotations

import io
import os
import tarfile
import time
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from django.db import DatabaseError

from appliance.support import configuration, database, logs, machine
from appliance.support.mask import Masker
from appliance.telling import to_nobody
from appliance.version import VERSION
from matrix_app.protocol.errors import Conflict, InvalidParam
from matrix_app.protocol.said import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.telling import Tell

    Checks = Callable[[Masker], list[dict[str, Any]]]

README: Final = """\
Support bundle of Hearth {version}, made at {time}.

{contents}
Left out: messages, passwords, keys, tokens, mail addresses, phone numbers, addresses of people, and the
texts of settings. {names} The domains of servers are as they are.
Look through it before you send it to anybody.
"""
MASKED: Final = "Users, rooms and aliases have other names, the same for the same throughout this file."
NAMED: Final = "Users, rooms and aliases have THEIR REAL NAMES, as was asked for."


class Entry(NamedTuple):
    """A file of the bundle."""

    name: str
    about: str
    bytes: int


class _Part(NamedTuple):
    name: str
    about: str
    make: Callable[[], bytes]


def write(stream: IO[bytes], checks: Checks, *, names: bool = False, tell: Tell = to_nobody) -> list[Entry]:
    """Write a bundle; what is in it. `checks` makes what is told of the checks.

    A part that cannot be made, as when there is no database, says so in its place.
    """
    masker, entries = Masker(names=names, hidden=configuration.hidden_texts()), []
    parts = list(_parts(checks, masker))
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number, part in enumerate(parts):
            tell(part.name, number, len(parts))
            content = _made(part)
            _add(archive, part.name, content)
            entries.append(Entry(part.name, part.about, len(content)))
        _add(archive, "README.txt", _readme(entries, names=names).encode())
    return entries


def _parts(checks: Checks, masker: Masker) -> Iterator[_Part]:
    yield _Part(
        "versions.json", "Hearth, Python, its libraries and the system", lambda: _json(machine.versions())
    )
    yield _Part(
        "configuration.txt", "settings in effect, without their texts", lambda: configuration.text().encode()
    )
    yield _Part("checks.json", "what the checks found", lambda: _json(checks(masker)))
    yield _Part("database.json", "rows, sizes, migrations, queues", lambda: _json(database.facts()))
    yield _Part("sizes.json", "processors, memory, disk, folders", lambda: _json(machine.sizes()))
    yield _Part("log.jsonl", "the latest log lines, in Hearth's own words", lambda: logs.latest(masker))
    yield _Part("packages.txt", "packages, and files that were changed", lambda: machine.packages().encode())
    yield _Part("services.txt", "how systemd sees the services", lambda: machine.units().encode())


def _made(part: _Part) -> bytes:
    try:
        return part.make()
    except (DatabaseError, OSError) as fault:
        return _json({"could_not_be_made": type(fault).__name__})


def _json(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    header = tarfile.TarInfo(f"hearth-support/{name}")
    header.size, header.mtime, header.mode = len(content), int(time.time()), 0o600
    archive.addfile(header, io.BytesIO(content))


def _readme(entries: list[Entry], *, names: bool) -> str:
    listed = "".join(f"{one.name:<20} {one.about}\n" for one in entries)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return README.format(version=VERSION, time=at, contents=listed, names=NAMED if names else MASKED)


def file_name() -> str:
    """A name for a bundle that is made now."""
    return time.strftime("hearth-support-%Y%m%dT%H%M%SZ.tar.gz", time.gmtime())


def create(path: Any) -> IO[bytes]:
    """Open a new file that only its owner can read; raises `Conflict` or `InvalidParam`."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as fault:
        raise Conflict(said("{path} is there already", path=path)) from fault
    except (FileNotFoundError, NotADirectoryError) as fault:
        raise InvalidParam(
            said("{path} cannot be written: {fault}", path=path, fault=fault.strerror)
        ) from fault
    return os.fdopen(number, "wb")
