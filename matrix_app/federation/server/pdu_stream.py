"""Answers that hold lists of events: whole while they are small, a batch at a time where they are big."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase

from matrix_app.http.response import JSON_TYPE
from matrix_app.services.pdus import BATCH, pdus_of

# Up to so many events an answer is made in memory, and may be compressed.
_SMALL: Final = 500
_PART_BYTES: Final = 256 << 10


def event_lists(
    lists: Mapping[str, Sequence[int]], extra: Mapping[str, Any], *, wrapped: bool = False
) -> bytes | HttpResponseBase:
    """A JSON object of `extra` and of lists of events, which are given by nid.

    `wrapped` gives `[200, object]`, as the first version of some endpoints answers.
    """
    parts = _parts(lists, extra, wrapped)
    if sum(len(nids) for nids in lists.values()) <= max(_SMALL, BATCH):
        return b"".join(parts)
    return StreamingHttpResponse(_gathered(parts), content_type=JSON_TYPE)


def _parts(lists: Mapping[str, Sequence[int]], extra: Mapping[str, Any], wrapped: bool) -> Iterator[bytes]:
    yield b"[200,{" if wrapped else b"{"
    separator = b""
    for name, value in extra.items():
        yield b"%b%b:%b" % (separator, orjson.dumps(name), orjson.dumps(value))
        separator = b","
    for name, nids in lists.items():
        yield b"%b%b:[" % (separator, orjson.dumps(name))
        separator = b""
        for pdu in pdus_of(nids):
            yield separator + pdu
            separator = b","
        yield b"]"
        separator = b","
    yield b"}]" if wrapped else b"}"


def _gathered(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Parts large enough to be worth sending one by one."""
    buffer = bytearray()
    for part in parts:
        buffer += part
        if len(buffer) >= _PART_BYTES:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)
