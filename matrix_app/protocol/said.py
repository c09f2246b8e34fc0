"""Sentences that know what they were made of, so that they can be said in another language later.

    said("{host} answers {status}", host="example.org", status=502)

is the English sentence, a `str` like any other, which keeps its message and its values. Clients of the API
and the log get the English; pages and mails translate the message and put the values into that
(`services/spoken.py`). `manage.py translations` finds the messages where `said` is called. Values are texts,
numbers, sentences, and lists of these.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, Final

Value = str | int | float | list[Any]
Translate = Callable[[str], str]

# Before a sentence that is stored with what it was made of: no text of people begins so.
_MARK: Final = "\x1e"
# How the parts of a list are put together, by the word after the colon in a message.
_BETWEEN: Final = {"": ", ", "lines": "\n", "parts": "; "}


class Said(str):
    """A sentence in English, with what it was made of."""

    message: str
    values: dict[str, Value]

    def __new__(cls, message: str, values: Mapping[str, object]) -> Said:
        """Put values into a message."""
        kept = {name: _value(value) for name, value in values.items()}
        one = super().__new__(cls, _filled(message, kept, str, "."))
        one.message, one.values = message, kept
        return one

    def __str__(self) -> str:
        """Itself, so that the text of an exception is what it was raised with."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Said, (self.message, self.values)


def said(message: str, /, **values: object) -> Said:
    """A sentence: a message with `{name}` for each value, as `str.format` has it.

    A list is put together by commas, with `{name:lines}` by lines, with `{name:parts}` by semicolons;
    `{name:capital}` begins with a capital letter.
    """
    return Said(message, values)


def said_of(text: str) -> Said:
    """A text as a part of another sentence, where plain texts are taken for names."""
    return text if isinstance(text, Said) else Said(text, {})


def rendered(text: str, translate: Translate, decimal_mark: str = ".") -> str:
    """A sentence in another language; a text that is no `Said` is taken for a message without values."""
    if isinstance(text, Said):
        return _filled(translate(text.message), text.values, translate, decimal_mark)
    return translate(text) if text else text


def packed(text: object) -> str:
    """A text as it is stored: a sentence with what it was made of, any other as it is."""
    english = plain(text)
    if isinstance(text, Said) or english.startswith(_MARK):
        return _MARK + json.dumps(_kept(text), ensure_ascii=False, separators=(",", ":"))
    return english


def unpacked(stored: str) -> str:
    """A text that was stored."""
    if not stored.startswith(_MARK):
        return stored
    found = _taken(json.loads(stored.removeprefix(_MARK)))
    return found if isinstance(found, str) else str(found)


def plain(text: object) -> str:
    """The English alone, for what encodes only `str` itself; raises `TypeError` for what is none."""
    if not isinstance(text, str):
        raise TypeError(f"{type(text).__name__} is no text")
    return str.__str__(text)


def _kept(value: object) -> Any:
    if isinstance(value, list):
        return [_kept(one) for one in value]
    if isinstance(value, Said):
        return {"message": value.message, "values": {name: _kept(one) for name, one in value.values.items()}}
    return value


def _taken(value: Any) -> Any:
    if isinstance(value, list):
        return [_taken(one) for one in value]
    if isinstance(value, dict):
        return Said(value["message"], {name: _taken(one) for name, one in value["values"].items()})
    return value


def _value(value: object) -> Value:
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_value(one) for one in value]
    return str(value)


def _filled(message: str, values: Mapping[str, Value], translate: Translate, mark: str) -> str:
    return _Filling(translate, mark).vformat(message, (), values) if values else message


class _Filling(Formatter):
    """Puts values into a message in a language."""

    def __init__(self, translate: Translate, mark: str) -> None:
        self._translate, self._mark = translate, mark

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        """A value by its name: nothing is looked for within it."""
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        """A value as the language has it."""
        if isinstance(value, list):
            return _BETWEEN[format_spec].join(self.format_field(one, "") for one in value)
        if isinstance(value, str):
            text = rendered(value, self._translate, self._mark) if isinstance(value, Said) else value
            return text[:1].upper() + text[1:] if format_spec == "capital" else format(text, format_spec)
        text = format(value, format_spec)
        return text.replace(".", self._mark) if isinstance(value, float) else text
