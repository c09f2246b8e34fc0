"""Lists as PostgreSQL's arrays in binary form, which the driver makes element by element in Python.

The form is that of `array_recv` in PostgreSQL: the number of dimensions, whether there are NULLs, the type of
the elements, how many there are and the number of the first; then the length and the bytes of each element.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

from psycopg import DataError, pq
from psycopg.adapt import AdaptersMap, Dumper

_BIGINT, _TEXT, _BYTEA = 20, 25, 17
_HEAD: Final = struct.Struct(">iiIii")
_LENGTH: Final = struct.Struct(">i")


class Bigints(bytes):
    """A bigint[]."""


class Texts(bytes):
    """A text[]."""


class Byteas(bytes):
    """A bytea[]."""


class _Packed(Dumper):
    """What is packed already goes as it is."""

    format = pq.Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


class _BigintsDumper(_Packed):
    oid = 1016


class _TextsDumper(_Packed):
    oid = 1009


class _ByteasDumper(_Packed):
    oid = 1001


def register(adapters: AdaptersMap) -> None:
    """Let a connection send what `packed` makes."""
    for kind, dumper in ((Bigints, _BigintsDumper), (Texts, _TextsDumper), (Byteas, _ByteasDumper)):
        adapters.register_dumper(kind, dumper)


def packed(values: list[Any]) -> Any:
    """The array of a list of one type; any other list, or one with NULLs, is left to the driver.

    Raises the driver's `DataError` for a text with NUL.
    """
    kinds = set(map(type, values))
    if kinds == {int}:
        return _bigints(values)
    if kinds == {str}:
        return _texts(values)
    if kinds == {bytes}:
        return Byteas(_joined(_BYTEA, values))
    return values


def _bigints(values: Sequence[int]) -> Bigints:
    count = len(values)
    lengths_and_values = [8] * (2 * count)
    lengths_and_values[1::2] = values
    try:
        elements = struct.pack(">" + "iq" * count, *lengths_and_values)
    except struct.error as fault:
        raise DataError("a number is beyond the range of bigint") from fault
    return Bigints(_HEAD.pack(1, 0, _BIGINT, count, 1) + elements)


def _texts(values: Sequence[str]) -> Texts:
    if any("\0" in value for value in values):
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return Texts(_joined(_TEXT, [value.encode() for value in values]))


def _joined(kind: int, values: Sequence[bytes]) -> bytes:
    pieces = [_HEAD.pack(1, 0, kind, len(values), 1)]
    for value in values:
        pieces += (_LENGTH.pack(len(value)), value)
    return b"".join(pieces)
