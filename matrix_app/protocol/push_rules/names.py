"""Which users a text names ("Predefined Rules" of the push notifications module before version 1.17).

A name is text and no pattern. It counts from word boundary to word boundary, whatever its letter case; all
that is compared here is in lower case. A name of blanks and invisible characters names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from matrix_app.protocol.ids import localpart_of

# A word boundary is the start or end of the text, or any character not in [A-Za-z0-9_].
_WORD: Final = re.compile(r"[a-z0-9_]+")
_IN_WORDS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


def folded(name: str) -> str:
    """A name as texts are searched for it; empty when it names nobody."""
    shown = name.strip().lower()
    return shown if any(character.isprintable() for character in shown) else ""


def contains_words(text: str, wanted: str) -> bool:
    """Whether `wanted`, which is not empty, is in `text` from word boundary to word boundary."""
    place = text.find(wanted)
    while place >= 0:
        end = place + len(wanted)
        starts = place == 0 or text[place - 1] not in _IN_WORDS
        if starts and (end == len(text) or text[end] not in _IN_WORDS):
            return True
        place = text.find(wanted, place + 1)
    return False


@dataclass(frozen=True, slots=True)
class Named:
    """The users whom a text names, by ID: by their display names (with these), and by their user names."""

    by_name: Mapping[str, str] = field(default_factory=dict)
    by_user_name: Set[str] = frozenset()

    def __contains__(self, user_id: object) -> bool:
        return user_id in self.by_name or user_id in self.by_user_name


NOBODY: Final = Named()


class _Entry(NamedTuple):
    name: str
    user_id: str
    is_display_name: bool


class NameIndex:
    """The names of some users. A text is looked up word by word, whatever the number of users.

    The first word of a name is a whole word of each text that has the name between word boundaries. Of names
    without a word, such as those in other alphabets, the first two characters are looked for. An index never
    changes.
    """

    __slots__ = ("_by_word", "_display_names", "_wordless")

    def __init__(self) -> None:
        self._by_word: dict[str, tuple[_Entry, ...]] = {}
        self._wordless: dict[str, tuple[_Entry, ...]] = {}
        self._display_names: dict[str, str] = {}

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return 500 + 150 * len(self._display_names) + 260 * (len(self._by_word) + len(self._wordless))

    def changed(self, display_names: Mapping[str, str], gone: Iterable[str]) -> NameIndex:
        """The index with users added or renamed (empty for no display name), and without those `gone`."""
        found = NameIndex()
        found._by_word, found._wordless = dict(self._by_word), dict(self._wordless)
        found._display_names = dict(self._display_names)
        for user_id in (*gone, *display_names):
            found._remove(user_id)
        for user_id, name in display_names.items():
            found._add(user_id, folded(name))
        return found

    def named_in(self, text: str) -> Named:
        """Those whom `text`, in lower case, names."""
        by_word = self._by_word
        possible = [by_word[word] for word in set(_WORD.findall(text)) if word in by_word]
        possible += [entries for start, entries in self._wordless.items() if start in text]
        entries = [entry for some in possible for entry in some if entry.name in text]
        if not entries:
            return NOBODY
        present = {name for name in {entry.name for entry in entries} if contains_words(text, name)}
        found = [entry for entry in entries if entry.name in present]
        return Named(
            {entry.user_id: entry.name for entry in found if entry.is_display_name},
            frozenset(entry.user_id for entry in found if not entry.is_display_name),
        )

    def _add(self, user_id: str, display_name: str) -> None:
        self._display_names[user_id] = display_name
        for entry in _entries(user_id, display_name):
            place, key = self._place(entry.name)
            place[key] = (*place.get(key, ()), entry)

    def _remove(self, user_id: str) -> None:
        display_name = self._display_names.pop(user_id, None)
        if display_name is None:
            return
        for entry in _entries(user_id, display_name):
            place, key = self._place(entry.name)
            place[key] = tuple(other for other in place[key] if other != entry)
            if not place[key]:
                del place[key]

    def _place(self, name: str) -> tuple[dict[str, tuple[_Entry, ...]], str]:
        word = _WORD.search(name)
        return (self._wordless, name[:2]) if word is None else (self._by_word, word[0])


def _entries(user_id: str, display_name: str) -> list[_Entry]:
    user_name = folded(localpart_of(user_id))
    entries = [_Entry(display_name, user_id, True), _Entry(user_name, user_id, False)]
    return [entry for entry in entries if entry.name]
