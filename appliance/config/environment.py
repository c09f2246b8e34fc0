"""Settings that the environment says, by themselves or by files that it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from appliance.config.errors import Problem
from appliance.config.keys import find_key
from appliance.config.schema import Config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX: Final = "HEARTH_"
SEPARATOR: Final = "__"
# After the name of a setting: the file that holds its value, as secrets come to containers.
FROM_FILE: Final = "_file"


class EnvText(NamedTuple):
    """A value from the environment: text, whatever the key's type is."""

    text: str


def read_environment(environ: Mapping[str, str], folder: Path, problems: list[Problem]) -> dict[str, Any]:
    """The settings by their tables. HEARTH_X__Y is the value, HEARTH_X__Y_FILE a file that holds it.

    What is called `..._file` in its own right stays a path. A relative file starts at `folder`.
    """
    tables: dict[str, Any] = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or SEPARATOR not in variable:
            continue
        names = variable.removeprefix(PREFIX).lower().split(SEPARATOR)
        if (held := _held_by_file(names)) is None:
            merge(tables, _table(names, text))
        elif text and variable[: -len(FROM_FILE)] in environ:
            problems.append(Problem(variable, f"contradicts {variable[: -len(FROM_FILE)]}; give one of them"))
        elif text and (value := _content(folder / text, variable, problems)) is not None:
            merge(tables, _table(held, value))
    return tables


def _held_by_file(names: Sequence[str]) -> list[str] | None:
    """The setting whose value is in a file, when the name of a variable says so."""
    held = [*names[:-1], names[-1].removesuffix(FROM_FILE)]
    if held == list(names) or find_key(Config, names) is not None:
        return None
    key = find_key(Config, held)
    return held if key is not None and key.section is None else None


def _content(file: Path, variable: str, problems: list[Problem]) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as fault:
        problems.append(Problem(variable, f"{file} cannot be read: {fault.strerror}"))
    except UnicodeDecodeError:
        problems.append(Problem(variable, f"{file} is no text"))
    return None


def _table(names: Sequence[str], text: str) -> dict[str, Any]:
    *sections, key = names
    table: dict[str, Any] = {key: EnvText(text)}
    for section in reversed(sections):
        table = {section: table}
    return table


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Lays `other` over `into`, table by table."""
    for key, value in other.items():
        below = into.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merge(below, value)
        else:
            into[key] = value
