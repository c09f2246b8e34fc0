"""How a setting is declared: a type, a sentence that documents it, and what values it may have."""

from __future__ import annotations

from typing import Literal

from msgspec import Meta, Struct

Base = Literal["config", "data", "secrets"]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of `hearth.toml`. Its docstring and its keys' descriptions are the documentation."""


def doc(sentence: str) -> Meta:
    """A key that takes any value of its type."""
    return Meta(description=sentence)


def positive(sentence: str) -> Meta:
    """A number of at least one."""
    return Meta(description=sentence, ge=1)


def natural(sentence: str) -> Meta:
    """A number that is not negative."""
    return Meta(description=sentence, ge=0)


def path(sentence: str, base: Base) -> Meta:
    """A path; a relative one starts at the folder of the configuration, of the data, or of the secrets."""
    return Meta(description=sentence, extra={"base": base})
