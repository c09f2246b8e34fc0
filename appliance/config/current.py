"""The configuration of this process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.config.loader import load_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.config.schema import Config


class _Current:
    """Holds what `get_config` answers with, once it was asked for."""

    config: Config | None = None


def get_config() -> Config:
    """The validated configuration, read the first time it is asked for; raises `ConfigError`."""
    if _Current.config is None:
        _Current.config = load_config()
    return _Current.config


@contextmanager
def use_config(config: Config) -> Iterator[Config]:
    """Makes `get_config` answer with `config` inside the block (for tests and tools)."""
    before, _Current.config = _Current.config, config
    try:
        yield config
    finally:
        _Current.config = before
