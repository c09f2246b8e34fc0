"""Glob-style matching ("Glob-style matching" in the appendices), in time linear in the text.

`*` matches zero or more characters, `?` exactly one, anything else itself. Patterns come from users, so
every run between two `*` is found once and never given back: no pattern can make a match explode.
"""

from __future__ import annotations

import re
from functools import lru_cache

# A word boundary is the start or end of the text, or any character not in [A-Za-z0-9_].
_STARTS_WORD = r"(?<![A-Za-z0-9_])"
_ENDS_WORD = r"(?![A-Za-z0-9_])"


class Glob:
    """A compiled pattern for whole texts; the caller folds case."""

    __slots__ = ("_literal", "_needle", "_regex")

    def __init__(self, pattern: str, *, question_mark: bool = True) -> None:
        runs = pattern.split("*")
        plain = len(runs) == 1 and not (question_mark and "?" in pattern)
        self._literal = pattern if plain else None
        self._needle = _longest_literal(runs, question_mark)
        self._regex = None if plain else re.compile(_whole(runs, question_mark), re.DOTALL)

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` matches."""
        if self._regex is None:
            return text == self._literal
        return self._needle in text and self._regex.match(text) is not None


class WordGlob:
    """A compiled pattern that some part of a text must match, from word boundary to word boundary."""

    __slots__ = ("_needle", "_regex")

    def __init__(self, pattern: str) -> None:
        runs = pattern.split("*")
        self._needle = _longest_literal(runs, question_mark=True)
        self._regex = re.compile(_words(runs), re.DOTALL)

    def matches(self, text: str) -> bool:
        """Whether `text` contains a match that starts and ends at a word boundary."""
        return self._needle in text and self._regex.match(text) is not None


@lru_cache(maxsize=1024)
def glob(pattern: str) -> Glob:
    """`Glob(pattern)`, shared between callers."""
    return Glob(pattern)


@lru_cache(maxsize=1024)
def word_glob(pattern: str) -> WordGlob:
    """`WordGlob(pattern)`, shared between callers."""
    return WordGlob(pattern)


def _whole(runs: list[str], question_mark: bool) -> str:
    first, *rest = (_run(run, question_mark) for run in runs)
    if not rest:
        return rf"{first}\Z"
    *middle, last = rest
    return first + "".join(f"(?>.*?{run})" for run in middle) + rf".*{last}\Z"


def _words(runs: list[str]) -> str:
    # The leftmost place of each run leaves most room for those after it, so one atomic pass decides.
    first, *rest = (_run(run, question_mark=True) for run in runs)
    if not rest:
        return f".*?{_STARTS_WORD}{first}{_ENDS_WORD}"
    *middle, last = rest
    head = f"(?>.*?{_STARTS_WORD}{first})"
    return head + "".join(f"(?>.*?{run})" for run in middle) + f".*?{last}{_ENDS_WORD}"


def _run(run: str, question_mark: bool) -> str:
    escaped = re.escape(run)
    return escaped.replace(r"\?", ".") if question_mark else escaped


def _longest_literal(runs: list[str], question_mark: bool) -> str:
    # A text without this part cannot match; `in` is far quicker than any regular expression.
    parts = [part for run in runs for part in (run.split("?") if question_mark else [run])]
    return max(parts, key=len)
