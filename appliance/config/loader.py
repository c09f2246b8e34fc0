"""From tables of TOML and text of the environment to a validated `Config`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

import msgspec

from appliance.config.checks import check
from appliance.config.environment import EnvText
from appliance.config.errors import ConfigError, Problem
from appliance.config.fields import Section
from appliance.config.keys import Key, keys_of
from appliance.config.schema import Config
from appliance.config.sources import read_sources
from appliance.config.wrong_kind import kind_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S", bound=Section)


def load_config(environ: Mapping[str, str] = os.environ) -> Config:
    """Reads and validates everything; raises `ConfigError` that lists every fault by its key."""
    problems: list[Problem] = []
    sources = read_sources(environ, problems)
    config = section_from(Config(), sources.tables, problems)
    config = _resolve(config, sources.folder)
    reported = {problem.key for problem in problems}
    problems.extend(problem for problem in check(config) if problem.key not in reported)
    if problems:
        raise ConfigError(problems, source=sources.name)
    return config


def section_from(default: S, table: Any, problems: list[Problem], prefix: str = "") -> S:
    """`default` with what a table says laid over it; what cannot be is told in `problems`."""
    if not isinstance(table, dict):
        problems.append(Problem(prefix.rstrip("."), "this is a section, written as [name], not a value"))
        return default
    keys = {key.name: key for key in keys_of(type(default))}
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in keys:
            problems.append(Problem(prefix + name, _unknown(name, list(keys))))
            continue
        if keys[name].section is not None:
            values[name] = section_from(getattr(default, name), value, problems, f"{prefix}{name}.")
        else:
            _value(keys[name], value, prefix, values, problems)
    return msgspec.structs.replace(default, **values)


def _value(key: Key, value: Any, prefix: str, values: dict[str, Any], problems: list[Problem]) -> None:
    try:
        if key.default is None and value in ("", EnvText("")):
            values[key.name] = None  # a path that is not set
        elif isinstance(value, EnvText):
            value = _from_text(value.text, key)
            values[key.name] = msgspec.convert(value, key.type, strict=False, dec_hook=_decode)
        else:
            values[key.name] = msgspec.convert(value, key.type, dec_hook=_decode)
    except (msgspec.ValidationError, msgspec.DecodeError) as fault:
        problems.append(Problem(prefix + key.name, kind_fault(str(fault), key.type)))


def _from_text(text: str, key: Key) -> Any:
    """A list may be written with commas or as JSON, a table only as JSON."""
    kind = get_args(key.type)[0]
    if get_origin(kind) is dict or (get_origin(kind) is tuple and text.lstrip().startswith(('["', "[]"))):
        return msgspec.json.decode(text)
    if get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _decode(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(kind)


def _unknown(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"there is no such key; did you mean {near[0]}?" if near else "there is no such key"


def _resolve(config: Config, folder: Path) -> Config:
    """Makes every path absolute."""
    data = folder / config.server.data_dir
    bases = {"config": folder, "data": data, "secrets": data / config.server.secrets_dir}
    return _absolute(config, bases)


def _absolute(section: S, bases: dict[str, Path]) -> S:
    changes: dict[str, Any] = {}
    for key in keys_of(type(section)):
        value = getattr(section, key.name)
        if key.section is not None:
            changes[key.name] = _absolute(value, bases)
        elif key.base and isinstance(value, tuple):
            changes[key.name] = tuple(bases[key.base] / entry for entry in value)
        elif key.base and value is not None:
            changes[key.name] = bases[key.base] / value
    return msgspec.structs.replace(section, **changes)
