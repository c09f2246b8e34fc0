"""Where the configuration comes from: the setup, `hearth.toml`, `conf.d/*.toml`, the environment."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.config.environment import EnvText, merge, read_environment
from appliance.config.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACES = (Path("hearth.toml"), Path("/etc/hearth/hearth.toml"))
# What the setup pages wrote, in the data folder.
SETUP_FILE = "setup.toml"
SETUP_KEYS = ("server.name", "server.public_baseurl")
DEFAULT_DATA_DIR = "var"


class Sources(NamedTuple):
    """The merged tables, the folder where relative paths start, and a name for messages."""

    tables: dict[str, Any]
    folder: Path
    name: str


def read_sources(environ: Mapping[str, str], problems: list[Problem], *, setup: bool = True) -> Sources:
    """Reads what the setup wrote, the file, the files of `conf.d`, then the environment; the later wins.

    `setup=False` leaves out what the setup wrote. Raises `PermissionError` for whoever may not read all of
    it: with a part of the configuration nothing would be right.
    """
    file = _find(environ, problems)
    folder = (file.parent if file else Path.cwd()).resolve()
    tables: dict[str, Any] = {}
    if file:
        for part in [file, *_overrides(folder)]:
            merge(tables, _read(part, problems))
    merge(tables, read_environment(environ, folder, problems))
    if setup and _is_file(written := folder / _data_dir(tables) / SETUP_FILE):
        below = _of_setup(_read(written, problems), written, problems)
        merge(below, tables)
        tables = below
    return Sources(tables, folder, str(file) if file else "no hearth.toml: the defaults and the environment")


def _of_setup(found: dict[str, Any], file: Path, problems: list[Problem]) -> dict[str, Any]:
    """Just what the setup may say: the server can write this file, and root reads the configuration too."""
    server = found.pop("server", {})
    table = server if isinstance(server, dict) else {}
    strange = [*found, *(name for name in table if f"server.{name}" not in SETUP_KEYS)]
    problems += [Problem(str(file), f"may not say {name}") for name in strange]
    return {"server": {name: value for name, value in table.items() if f"server.{name}" in SETUP_KEYS}}


def _overrides(folder: Path) -> list[Path]:
    try:
        return sorted(part for part in (folder / "conf.d").iterdir() if part.suffix == ".toml")
    except (FileNotFoundError, NotADirectoryError):
        return []


def _data_dir(tables: Mapping[str, Any]) -> str:
    """The data folder as the other sources say it; what is no text there is told of by the loader."""
    server = tables.get("server")
    named = server.get("data_dir") if isinstance(server, dict) else None
    named = named.text if isinstance(named, EnvText) else named
    return named if isinstance(named, str) and named else DEFAULT_DATA_DIR


def _find(environ: Mapping[str, str], problems: list[Problem]) -> Path | None:
    named = environ.get("HEARTH_CONFIG")
    if named is None:
        return next((place for place in PLACES if _is_file(place)), None)
    if not _is_file(Path(named)):
        problems.append(Problem("HEARTH_CONFIG", f"there is no file {named}"))
        return None
    return Path(named)


def _is_file(place: Path) -> bool:
    """Raises `PermissionError` where that cannot be told."""
    try:
        return stat.S_ISREG(place.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _read(file: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        problems.append(Problem(str(file), f"this is not valid TOML: {fault}"))
    except PermissionError:
        raise
    except OSError as fault:
        problems.append(Problem(str(file), f"cannot be read: {fault.strerror}"))
    return {}


def config_files(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that the configuration is read from: `hearth.toml`, then those of `conf.d`; none at all."""
    file = _find(environ, [])
    return [file, *_overrides(file.resolve().parent)] if file else []
