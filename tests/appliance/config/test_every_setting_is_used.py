"""Every setting is read by code, so that none is a promise that nothing keeps."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import appliance.config
from appliance.config.fields import Section
from appliance.config.keys import keys_of
from appliance.config.schema import Config

_CONFIG: Final = Path(appliance.config.__file__).parent
_ROOT: Final = _CONFIG.parents[1]
_CODE: Final = ("appliance", "matrix_app", "admin_ui")


def every_setting(section: type[Section] = Config, prefix: str = "") -> Iterator[str]:
    for key in keys_of(section):
        if key.section is None:
            yield prefix + key.name
        else:
            yield from every_setting(key.section, f"{prefix}{key.name}.")


class Names(NamedTuple):
    """What stands in code outside of the configuration: what objects are asked for, and texts."""

    attributes: frozenset[str]
    texts: frozenset[str]


@cache
def names_in_code() -> Names:
    files = (file for folder in _CODE for file in (_ROOT / folder).rglob("*.py"))
    nodes = [
        node
        for file in files
        if _CONFIG not in file.parents
        for node in ast.walk(ast.parse(file.read_text()))
    ]
    attributes = (
        node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    )
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return Names(frozenset(attributes), frozenset(texts))


def unused(setting: str) -> list[str]:
    """The parts of a setting's whole name that no code asks for."""
    attributes, texts = names_in_code()
    # The class of a rate limit is a text at the endpoints that have it.
    known = attributes | texts if setting.startswith("rate_limits.") else attributes
    return [part for part in setting.split(".") if part not in known]


@pytest.mark.parametrize("setting", sorted(every_setting()))
def test_every_setting_is_read_somewhere(setting: str) -> None:
    assert unused(setting) == []


def test_what_no_code_reads_is_found() -> None:
    assert unused("retention.days_that_nobody_counts") == ["days_that_nobody_counts"]
