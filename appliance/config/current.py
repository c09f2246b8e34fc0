"""The configuration of this process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.config.loader import load_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.config.schema import Config


class _Current:
    """What `get_config` answers with, once it was asked for, and that without settings of pages."""

    config: Config | None = None
    base: Config | None = None


def get_config() -> Config:
    """The validated configuration, read the first time it is asked for; raises `ConfigError`."""
    if _Current.config is None:
        _Current.base = _Current.config = load_config()
    return _Current.config


def base_config() -> Config:
    """The configuration by the file and the environment alone."""
    get_config()
    assert _Current.base is not None
    return _Current.base


def set_overlaid(config: Config) -> None:
    """Make `get_config` answer with the configuration that settings of pages are laid over."""
    _Current.config = config


@contextmanager
def use_config(config: Config) -> Iterator[Config]:
    """Makes `get_config` answer with `config` inside the block (for tests and tools)."""
    before = _Current.config, _Current.base
    _Current.config = _Current.base = config
    try:
        yield config
    finally:
        _Current.config, _Current.base = before
