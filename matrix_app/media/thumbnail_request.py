"""What is asked of the process that draws thumbnails, and what it answers."""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal["made", "original", "unsupported", "too_large"]


class Wanted(NamedTuple):
    """The box that the thumbnail is to fill, or fit into; zeroes for the picture's own size."""

    width: int
    height: int
    method: str
    animated: bool
    max_pixels: int


class Drawn(NamedTuple):
    """What came of it, and the type of the thumbnail or of the picture that can be served in its place."""

    verdict: Verdict
    content_type: str = ""


class Measured(NamedTuple):
    """The size of a picture as it is to be seen, in pixels."""

    width: int
    height: int
