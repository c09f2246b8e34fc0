"""What a page of the web says of itself, before any address in it has been resolved."""

from __future__ import annotations

from typing import NamedTuple


class PageFacts(NamedTuple):
    """`graph` has the properties of OpenGraph, made up from the rest of the page where they are missing.

    `images` are addresses of pictures, the best first. `oembed` is the address of the page's description in
    JSON, `base` what its addresses are relative to. All of them are as the page has them.
    """

    graph: dict[str, str] = {}
    images: tuple[str, ...] = ()
    oembed: str | None = None
    base: str | None = None
