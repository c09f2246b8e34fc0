"""Canonical JSON, and reading JSON from outside ("Canonical JSON" in the appendices).

Room versions 1 to 5 do not enforce it: their events may carry floats and integers of any size, and are
hashed as Python's own encoder writes them. That is the lenient mode.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec
import orjson

from matrix_app.protocol.errors import BadJson, NotJson

MAX_DEPTH: Final = 100
# Servers send one another events and messages within other JSON. What a client was let send must not make
# that too deep.
MAX_DEPTH_AROUND: Final = 120
MAX_INTEGER: Final = 2**53 - 1

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_LENIENT: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), sort_keys=True
)
# A number with a point or an exponent, or a text that looks as if it had one.
_FLOAT: Final = re.compile(rb"[\[:,][-0-9]\d*+[.eE]")
_DECODER: Final = msgspec.json.Decoder()


def encode_canonical(value: Any, *, lenient: bool = False, levels: int = MAX_DEPTH) -> bytes:
    """The canonical JSON of `value`; raises `BadJson` when it has none, or more than so many levels.

    `lenient` also writes floats and large integers, as events of room versions 1 to 5 may have them. For
    all else both modes give the same bytes.
    """
    plain = _walk(value, levels, lenient)
    try:
        if plain:
            return orjson.dumps(value, option=_OPTIONS)
        return _LENIENT.encode(value).encode()
    except (TypeError, ValueError) as error:
        # What the walk does not look at: surrogates, NaN and the infinities.
        raise BadJson(f"Not canonical JSON: {error}") from None


def encode_checked(value: Any) -> bytes:
    """The canonical JSON of a value, or of parts of one, that the strict mode has accepted before.

    That it is canonical is not looked for again, which takes several times as long as writing it.
    """
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:
        raise BadJson(f"Not canonical JSON: {error}") from None


def encode_decoded(value: dict[str, Any], *, lenient: bool = False) -> bytes:
    """As `encode_canonical`, for an object that `decode_json` has read, or with such in it.

    That has no types but those of JSON. So it is written first; only where the text may have a number that
    is not canonical, or more than 100 levels of nesting, is each looked at.
    """
    try:
        text = orjson.dumps(value, option=_OPTIONS)
    except TypeError:
        return encode_canonical(value, lenient=lenient)
    if _FLOAT.search(text) or _may_be_deep(text):
        return encode_canonical(value, lenient=lenient)
    return text


def is_same_json(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON; for Python 1 is True as well."""
    return one == other and encode_canonical(one, lenient=True) == encode_canonical(other, lenient=True)


def check_canonical(value: Any) -> None:
    """Raises `BadJson` unless `value` can be written as canonical JSON.

    Surrogates aside, which no value from `decode_json` has and which `encode_canonical` refuses.
    """
    _walk(value, MAX_DEPTH, False)


def decode_json(data: bytes | bytearray | memoryview, *, levels: int = MAX_DEPTH) -> Any:
    """What `data` says, floats and integers of any size included.

    Raises `NotJson` for what is no JSON, NaN and lone surrogates among it, and `BadJson` for more than
    so many levels of nesting.
    """
    try:
        value = _DECODER.decode(data)
    except RecursionError:
        raise BadJson("The JSON is nested too deeply") from None
    except ValueError as error:
        raise NotJson(f"Not JSON: {error}") from None
    # Of long texts, to look at the value takes less time than to count brackets.
    if len(data) > 8192 or _may_be_deep(data):
        _check_depth(value, levels)
    return value


def _may_be_deep(data: bytes | bytearray | memoryview) -> bool:
    # Brackets in strings count too, so this errs towards walking.
    if isinstance(data, memoryview):
        data = bytes(data)
    return data.count(b"{") + data.count(b"[") > MAX_DEPTH


def _check_depth(value: Any, levels: int) -> None:
    # Level by level: most JSON is wide and not deep.
    level = [value] if isinstance(value, (dict, list)) else []
    while level:
        if levels == 0:
            raise BadJson("The JSON is nested too deeply")
        levels -= 1
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is not str and isinstance(child, (dict, list))
        ]


def _walk(value: Any, levels: int, lenient: bool) -> bool:
    """Whether `value` is canonical; False only in lenient mode, which needs the other encoder then."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is dict:
        return _walk_dict(value, levels, lenient)
    if kind is list:
        return _walk_list(value, levels, lenient)
    if kind is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER or _tolerate(lenient, "an integer beyond 2^53 - 1")
    if kind is float:
        return _tolerate(lenient, "a float")
    raise BadJson(f"Not canonical JSON: {kind.__name__} is no type of JSON")


def _walk_dict(value: dict[Any, Any], levels: int, lenient: bool) -> bool:
    if levels == 0:
        raise BadJson("The JSON is nested too deeply")
    plain = True
    for key, child in value.items():
        if type(key) is not str:
            raise BadJson("Not canonical JSON: a key is not a string")
        if type(child) is not str and not _walk(child, levels - 1, lenient):
            plain = False
    return plain


def _walk_list(value: list[Any], levels: int, lenient: bool) -> bool:
    if levels == 0:
        raise BadJson("The JSON is nested too deeply")
    plain = True
    for child in value:
        if type(child) is not str and not _walk(child, levels - 1, lenient):
            plain = False
    return plain


def _tolerate(lenient: bool, what: str) -> bool:
    if not lenient:
        raise BadJson(f"Not canonical JSON: {what}")
    return False
