"""Settings that were changed on pages, laid over the defaults and under the file and the environment.

They are in the table `setting`. Each process looks at it now and then (`refresh`); the process that changed
one looks at once. What the file or the environment fixes cannot be changed on a page.
"""

from __future__ import annotations

import os
import threading
import time
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog

from appliance.config.checks import check
from appliance.config.current import base_config, set_overlaid
from appliance.config.environment import merge
from appliance.config.errors import Problem
from appliance.config.loader import section_from
from appliance.config.runtime import SECRET, runtime_keys
from appliance.config.sources import read_sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.config.schema import Config

# How soon a process learns of a change that another has made.
EVERY_SECONDS: Final = 2.0
_SEALED: Final = "sealed"

_log = structlog.get_logger(__name__)


class _Seen:
    """What this process has laid over its configuration."""

    version: tuple[int, int] = (0, 0)
    at: float = 0.0
    lock = threading.Lock()


def refresh(*, now: bool = False) -> None:
    """Take over what has been changed since the last look, which was some seconds ago unless `now`."""
    from matrix_app.storage import settings

    if not now and time.monotonic() - _Seen.at < EVERY_SECONDS:
        return
    with _Seen.lock:
        _Seen.at = time.monotonic()
        version = settings.version()
        if version == _Seen.version and not now:
            return
        config, problems = overlaid(
            {name: unpacked(name, value) for name, value in settings.all_values().items()}
        )
        for problem in problems:
            _log.error("setting_ignored", setting=problem.key, reason=problem.message)
        set_overlaid(config)
        _Seen.version = version


def overlaid(stored: Mapping[str, Any]) -> tuple[Config, list[Problem]]:
    """The configuration with stored settings in it, and why some of them were left out."""
    base, fixed, known = base_config(), fixed_keys(), runtime_keys()
    problems: list[Problem] = []
    tables: dict[str, Any] = {}
    for name, value in stored.items():
        if name not in known:
            problems.append(Problem(name, "cannot be changed on a page"))
        elif name not in fixed:
            merge(tables, _table(name, value))
    config = section_from(base, tables, problems)
    faults = list(check(config))
    if faults:
        return base, [*problems, *faults]
    return config, problems


def _table(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    found: dict[str, Any] = value
    return found


def fixed_keys() -> set[str]:
    """The settings that the file or the environment says: a page shows them locked."""
    return names_of(read_sources(os.environ, []).tables)


def names_of(tables: Mapping[str, Any]) -> set[str]:
    """The whole names of what tables say."""
    return set(_names(tables, ""))


def _names(tables: Mapping[str, Any], prefix: str) -> list[str]:
    found: list[str] = []
    for name, value in tables.items():
        found.append(prefix + name)
        if isinstance(value, dict):
            found += _names(value, f"{prefix}{name}.")
    return found


def packed(name: str, value: Any) -> bytes:
    """What is stored of a value; a secret is sealed."""
    from appliance.sealing import seal

    if name in SECRET:
        return orjson.dumps({_SEALED: b64encode(seal(orjson.dumps(value))).decode()})
    return orjson.dumps(value)


def unpacked(name: str, stored: bytes) -> Any:
    """The value of what is stored."""
    from appliance.sealing import unseal

    value = orjson.loads(stored)
    if name in SECRET and isinstance(value, dict):
        return orjson.loads(unseal(b64decode(value[_SEALED])))
    return value
