"""The views of the pages, out of the URL configuration: which there are, and which of them take forms."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter

AREAS: Final = ("admin", "account", "setup")
# What declares and serves views asks for the method too.
_FRAME: Final = ("admin_ui.page", "admin_ui.visit", "admin_ui.tables", "admin_ui.csrf")


class PageView(NamedTuple):
    """A view of an area by the name of its address, such as admin:user-lock."""

    area: str
    name: str
    pattern: URLPattern

    def __str__(self) -> str:
        return f"{self.area}:{self.name}"

    @property
    def takes_forms(self) -> bool:
        """Whether the view, or what it is made of, asks whether a form was sent."""
        return _asks_for_forms(self.pattern.callback, set(), frozenset())

    def path(self, **values: Any) -> str:
        """The address, with something for each parameter that is not given."""
        found = {
            name: values.get(name, 1 if isinstance(converter, IntConverter) else "nothing")
            for name, converter in self.pattern.pattern.converters.items()
        }
        return reverse(str(self), kwargs=found)


@lru_cache(maxsize=1)
def page_views() -> tuple[PageView, ...]:
    """Every view of the pages; the page of what is not there is none."""
    return tuple(
        PageView(area, str(pattern.name), pattern)
        for area, pattern in _patterns(get_resolver(), "")
        if area in AREAS and pattern.name != "not-found"
    )


def actions(*areas: str) -> list[PageView]:
    """The views of some areas that take forms."""
    return [view for view in page_views() if view.area in areas and view.takes_forms]


def _patterns(resolver: URLResolver, area: str) -> Iterator[tuple[str, URLPattern]]:
    for found in resolver.url_patterns:
        if isinstance(found, URLResolver):
            yield from _patterns(found, found.namespace or area)
        else:
            yield area, found


def _asks_for_forms(thing: Any, seen: set[Any], said: frozenset[str]) -> bool:
    """By the names in its code, in what it closes over, and in what of the pages these are.

    `said` are the names in the code that led here: methods of what a helper made may be among them.
    """
    function = inspect.unwrap(thing)
    if not isinstance(function, FunctionType) or function in seen or not _is_of_pages(function):
        return False
    seen.add(function)
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    if "is_post" in names:
        return True
    said |= names
    known = [function.__globals__.get(name) for name in names]
    known += [cell.cell_contents for cell in function.__closure__ or ()]
    known += [getattr(one, name, None) for one in known if inspect.isclass(one) for name in said]
    return any(_asks_for_forms(each, seen, said) for each in known if inspect.isfunction(each))


def _is_of_pages(function: FunctionType) -> bool:
    return function.__module__.startswith("admin_ui.") and function.__module__ not in _FRAME


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
