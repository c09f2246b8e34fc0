"""What is wrong with a value that is not of its setting's kind, as a sentence in the visitor's language."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, get_args, get_origin

from matrix_app.protocol.said import Said, said, said_of

# msgspec's words for kinds of values.
_KINDS: Final = {
    "int": said("a whole number"),
    "float": said("a number"),
    "bool": said("true or false"),
    "str": said("text"),
    "array": said("a list"),
    "object": said("a table"),
    "null": said("nothing"),
}
_PLACE: Final = re.compile(r" - at `?\$(?P<place>[^`]*)`?$")
_OTHER: Final = re.compile(r"Expected `?(?P<wanted>[\w |]+?)`?, got `?(?P<given>\w+)`?")
_BOUND: Final = re.compile(r"Expected `?(?:int|float)`? (?P<sign>[<>]=?) (?P<bound>[-\d.e+]+)")
_LENGTH: Final = re.compile(r"Expected `?\w+`? of length (?P<sign>[<>]=?) (?P<bound>\d+)")


def kind_fault(fault: str, kind: Any) -> str:
    """msgspec's fault of a value, for a setting of some kind, as a sentence; a new one in its own words."""
    found = _PLACE.search(fault)
    told = _told(_PLACE.sub("", fault), kind)
    return told if found is None else said("{fault}, at {place}", fault=said_of(told), place=found["place"])


def _told(fault: str, kind: Any) -> Said:
    if found := _OTHER.fullmatch(fault):
        wanted = [_word(one) for one in found["wanted"].split(" | ") if one != "null"]
        return said("it must be {wanted}, and is {given}", wanted=wanted, given=_word(found["given"]))
    if found := _BOUND.fullmatch(fault):
        return _bounded(found["sign"], found["bound"].removesuffix(".0"))
    if found := _LENGTH.fullmatch(fault):
        return _long(found["sign"], found["bound"])
    if fault.startswith("Invalid enum value") and (words := _words(kind)):
        return said("it must be one of these: {words}", words=words)
    return said("{fault}", fault=fault.replace("`", ""))


def _bounded(sign: str, bound: str) -> Said:
    match sign:
        case ">=":
            return said("it must be {bound} or more", bound=bound)
        case ">":
            return said("it must be more than {bound}", bound=bound)
        case "<=":
            return said("it must be {bound} or less", bound=bound)
    return said("it must be less than {bound}", bound=bound)


def _long(sign: str, bound: str) -> Said:
    if sign == ">=":
        return said("it must have {bound} characters or entries at least", bound=bound)
    return said("it must have {bound} characters or entries at most", bound=bound)


def _word(name: str) -> str:
    return _KINDS.get(name, name)


def _words(kind: Any) -> list[str]:
    """The words that a setting may be, wherever its type has them."""
    if get_origin(kind) is Literal:
        return [str(word) for word in get_args(kind)]
    return [word for part in get_args(kind) for word in _words(part)]
