"""Configurations that differ from the tests' own in a few keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from appliance.config import Config, get_config
from appliance.config.current import use_config


@contextmanager
def settings(**sections: dict[str, Any]) -> Iterator[Config]:
    """Inside the block, `settings(registration={"mode": "open"})` holds in place of what was configured."""
    present = get_config()
    changed = {name: replace(getattr(present, name), **keys) for name, keys in sections.items()}
    with use_config(replace(present, **changed)) as config:
        yield config
