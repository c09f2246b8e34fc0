"""Reading a large JSON object piece by piece: what it holds never has to be in memory at once.

The pieces are the members of the object, and of members that are arrays each element. Only where a piece
begins and ends is looked at here; what it says is for `decode_json`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import NotJson, TooLarge

Read = Callable[[int], bytes]

CHUNK: Final = 262_144
# An event has 64 KiB at most; what a server adds in `unsigned` is not counted there.
MAX_PIECE: Final = 1 << 20

# Values with so many levels are found by one expression, those with more token by token.
_LEVELS: Final = 12
# Possessive throughout: whatever the input, each byte is looked at once.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'


def _nested(depth: int) -> bytes:
    pattern = rb"[{\[](?:[^{}\[\]\"]++|%b)*+[}\]]" % _STRING
    for _ in range(depth - 1):
        pattern = rb"[{\[](?:[^{}\[\]\"]++|%b|%b)*+[}\]]" % (_STRING, pattern)
    return pattern


_SPACE: Final = rb"[ \t\r\n]*+"
_VALUE: Final = re.compile(
    rb"%b(%b|%b|[^ \t\r\n,:{}\[\]\"]++)%b(?=[,:\]}])" % (_SPACE, _nested(_LEVELS), _STRING, _SPACE),
    re.DOTALL,
)
_TOKEN: Final = re.compile(rb"[^{}\[\]\"]*+(?:%b|([{\[])|([}\]]))" % _STRING, re.DOTALL)
_MARK: Final = re.compile(rb"[ \t\r\n]*+([^ \t\r\n])")


_BROKEN: Final = "The JSON is broken, or ends before its end"

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Piece(NamedTuple):
    """A member, or an element of one."""

    name: str
    is_element: bool
    data: bytes


def pieces_of(text: bytes) -> list[Piece]:
    """The pieces of a JSON object that is in memory, as `pieces` gives them, in a tenth of the time.

    Of members with the same name the last counts. Raises as `pieces` does.
    """
    try:
        whole: bytes | msgspec.Raw = text
        if text.lstrip(b" \t\r\n").startswith(b"["):
            _, whole = _ELEMENTS.decode(text)
        members = _MEMBERS.decode(whole)
        return [piece for name, value in members.items() for piece in _pieces_in(name, bytes(value))]
    except (ValueError, RecursionError):
        # Where but one piece is no JSON, or nested very deeply, the others are what they are.
        return list(pieces(io.BytesIO(text).read))


def _pieces_in(name: str, value: bytes) -> Iterator[Piece]:
    if not value.startswith(b"["):
        yield Piece(name, False, value)
        return
    for element in _ELEMENTS.decode(value):
        yield Piece(name, True, bytes(element))


def pieces(read: Read, *, max_piece: int = MAX_PIECE) -> Iterator[Piece]:
    """The pieces of the JSON object that `read` gives in parts, as a file's `read` does, in their order.

    Where the object is the second element of an array, as the first versions of some endpoints answer, its
    pieces are given. Raises `NotJson` for anything that is not an object or not whole, `TooLarge` for a
    piece of more than `max_piece` bytes.
    """
    text = _Text(read, max_piece)
    wrapped = text.skip(b"[")
    if wrapped:
        text.value()
        text.expect(b",")
    text.expect(b"{")
    if not text.skip(b"}"):
        yield from _members(text)
        text.expect(b"}")
    if wrapped:
        text.expect(b"]")
    text.expect_end()


def _members(text: _Text) -> Iterator[Piece]:
    while True:
        name = decode_json(text.value())
        if not isinstance(name, str):
            raise NotJson("The JSON has a name that is no string")
        text.expect(b":")
        if text.skip(b"["):
            yield from _elements(text, name)
        else:
            yield Piece(name, False, text.value())
        if not text.skip(b","):
            return


def _elements(text: _Text, name: str) -> Iterator[Piece]:
    if text.skip(b"]"):
        return
    while True:
        yield Piece(name, True, text.value())
        if not text.skip(b","):
            text.expect(b"]")
            return


def _end_of_nested(buffer: bytes, start: int) -> int | None:
    depth = 0
    while (token := _TOKEN.match(buffer, start)) is not None:
        start = token.end()
        depth += (token.start(1) >= 0) - (token.start(2) >= 0)
        if depth == 0:
            return start
    return None


class _Text:
    """A window that moves over the text."""

    def __init__(self, read: Read, max_piece: int) -> None:
        self._read = read
        self._max_piece = max_piece
        self._buffer = b""
        self._at = 0
        self._ended = False

    def value(self) -> bytes:
        """The next value."""
        while (span := self._span()) is None:
            if len(self._buffer) - self._at > self._max_piece:
                raise self._too_large()
            if not self._more():
                raise NotJson(_BROKEN)
        start, end = span
        if end - start > self._max_piece:
            raise self._too_large()
        self._at = end
        return self._buffer[start:end]

    def _too_large(self) -> TooLarge:
        return TooLarge(f"A part of the JSON is larger than {self._max_piece} bytes")

    def _span(self) -> tuple[int, int] | None:
        """Where the next value is in the buffer, if the whole of it is."""
        found = _VALUE.match(self._buffer, self._at)
        if found is not None:
            return found.span(1)
        first = _MARK.match(self._buffer, self._at)
        if first is None or first[1] not in (b"{", b"["):
            return None
        end = _end_of_nested(self._buffer, first.start(1))
        return None if end is None else (first.start(1), end)

    def skip(self, mark: bytes) -> bool:
        """Pass over a mark if it is what comes next."""
        found = self._next()
        if found is None or found[1] != mark:
            return False
        self._at = found.end()
        return True

    def expect(self, mark: bytes) -> None:
        """Pass over a mark, which has to be what comes next."""
        if not self.skip(mark):
            raise NotJson(f"{_BROKEN}: no {mark.decode()}")

    def expect_end(self) -> None:
        """Nothing but space may be left."""
        if self._next() is not None:
            raise NotJson("Something follows the JSON")

    def _next(self) -> re.Match[bytes] | None:
        while (found := _MARK.match(self._buffer, self._at)) is None:
            if not self._more():
                return None
        return found

    def _more(self) -> bool:
        """Read on; False at the end of the text."""
        chunk = b"" if self._ended else self._read(CHUNK)
        self._ended = not chunk
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return not self._ended
