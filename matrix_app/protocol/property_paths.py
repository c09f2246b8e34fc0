"""Dot-separated property paths ("Dot-separated property paths" in the appendices)."""

from __future__ import annotations

import re
from functools import lru_cache

_PIECE = re.compile(r"\\[.\\]|\.|[^\\.]+|\\")


@lru_cache(maxsize=1024)
def split_path(path: str) -> tuple[str, ...]:
    r"""The property names of `path`: `content.m\.relates_to` is `("content", "m.relates_to")`.

    `\.` and `\\` stand for a dot and a backslash; other escape sequences are left as they are.
    """
    names = [""]
    for piece in _PIECE.findall(path):
        if piece == ".":
            names.append("")
        else:
            names[-1] += piece[1] if piece in (r"\.", r"\\") else piece
    return tuple(names)
