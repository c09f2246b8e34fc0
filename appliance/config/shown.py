"""The settings in effect, for eyes: with their sources, and without secrets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from appliance.config.current import base_config, get_config
from appliance.config.keys import keys_of
from appliance.config.runtime import SECRET
from appliance.config.sample import toml
from appliance.config.schema import Config
from appliance.config.sources import read_sources
from appliance.config.stored import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.config.fields import Section

HIDDEN: Final = "(hidden)"
_SECRET: Final = re.compile(r"(password|private_key|secret|token)$")
# Addresses whose path is as good as a password.
_SECRET_PATH: Final = frozenset({"alerts.webhook"})
_PASSWORD_IN_URL: Final = re.compile(r"(?<=:)[^:@/]+(?=@)")


class Shown(NamedTuple):
    """A setting: its value as TOML writes it, and who says it: default, configuration or page."""

    name: str
    text: str
    source: str
    is_changed: bool


def settings_in_effect() -> Iterator[Shown]:
    """Every setting, passwords hidden."""
    given = names_of(read_sources(os.environ, []).tables)
    defaults = dict(values(Config()))
    base = dict(values(base_config()))
    for name, value in values(get_config()):
        # Paths are absolute by now, so those that nobody gave differ from what they were declared as.
        is_changed = value != defaults[name] and (name in given or not isinstance(value, Path))
        source = "page" if value != base[name] else "configuration" if is_changed else "default"
        yield Shown(name, without_secrets(name, value), source, is_changed)


def values(section: Section, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The settings below a section by their whole names."""
    for key in keys_of(type(section)):
        value = getattr(section, key.name)
        if key.section is not None:
            yield from values(value, f"{prefix}{key.name}.")
        else:
            yield prefix + key.name, value


def is_secret(name: str) -> bool:
    """Whether a setting is itself a secret, and not the name of a file with one."""
    return name in SECRET or bool(_SECRET.search(name))


def without_secrets(name: str, value: Any) -> str:
    """The value as TOML writes it, or that it is hidden."""
    if value and is_secret(name):
        return f'"{HIDDEN}"'
    if value and name in _SECRET_PATH:
        parts = urlsplit(value)
        return f'"{parts.scheme}://{parts.hostname}/{HIDDEN}"'
    return _PASSWORD_IN_URL.sub(HIDDEN, toml(value))
