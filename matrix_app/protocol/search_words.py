"""Words of messages as a search finds them: folded, so that case and accents make no difference."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

MOST_WORDS: Final = 2000
_LONGEST_WORD: Final = 100

_WORD: Final = re.compile(r"[^\W_]+")
# Scripts that put no spaces between words: each character is a word.
_ALONE: Final = re.compile(
    r"[\u0e00-\u0e7f\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)

# The keys that can be searched, with the type of the events that have them.
SearchedKey = Literal["content.body", "content.name", "content.topic"]
SEARCHED_KEYS: Final[Mapping[SearchedKey, str]] = {
    "content.body": "m.room.message",
    "content.name": "m.room.name",
    "content.topic": "m.room.topic",
}


def words_of(text: str) -> list[str]:
    """The folded words of a text, in order."""
    return [folded for word in raw_words(text) if (folded := fold(word))]


def raw_words(text: str) -> list[str]:
    """The words of a text as they are written."""
    found = []
    for match in _WORD.finditer(_ALONE.sub(r" \g<0> ", text)):
        found.append(match[0][:_LONGEST_WORD])
        if len(found) == MOST_WORDS:
            break
    return found


def fold(word: str) -> str:
    """A word without case and accents."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in decomposed if character.isalnum())


def searched_texts(event_type: str, content: Mapping[str, Any]) -> list[str]:
    """The texts of an event that a search looks at; none for events of other types."""
    match event_type:
        case "m.room.message":
            texts: Iterable[Any] = [content.get("body")]
        case "m.room.name":
            texts = [content.get("name")]
        case "m.room.topic":
            texts = [content.get("topic"), *_plain_topics(content.get("m.topic"))]
        case _:
            return []
    return list(dict.fromkeys(text for text in texts if isinstance(text, str)))


def _plain_topics(topic: Any) -> list[Any]:
    # The `text/plain` representations of the topic; that is the type where none is named.
    variants = topic.get("m.text") if isinstance(topic, dict) else None
    return [
        variant.get("body")
        for variant in (variants if isinstance(variants, list) else ())
        if isinstance(variant, dict) and variant.get("mimetype", "text/plain") == "text/plain"
    ]
