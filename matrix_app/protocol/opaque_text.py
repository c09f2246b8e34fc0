"""Text that clients choose and nobody interprets: transaction IDs, key IDs, event types."""

from __future__ import annotations

from typing import Final

from matrix_app.protocol.errors import InvalidParam

LONGEST: Final = 255


def parse_opaque_text(value: str, what: str) -> str:
    """`value`, if it has 1 to 255 bytes without NUL; raises `InvalidParam`."""
    if not value or "\0" in value or len(value.encode()) > LONGEST:
        raise InvalidParam(f"A {what} has 1 to {LONGEST} bytes")
    return value
