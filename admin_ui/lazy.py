"""Views that are imported when one of them is first asked for.

Addresses are made out of their names, which the configuration of URLs has without the views: the first
page of a process imports its own section, and not those of all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any


class LazyView:
    """Stands for a view in the configuration of URLs."""

    def __init__(self, module: str, name: str, key: str = "") -> None:
        self._module, self._name, self._key = module, name, key

    def __repr__(self) -> str:
        return f"<{self._module}.{self._name}{f'[{self._key!r}]' if self._key else ''}>"

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """The view itself, as `inspect.unwrap` asks for it."""
        found = getattr(import_module(self._module), self._name)
        view: Callable[..., Any] = found[self._key] if self._key else found
        return view

    def __call__(self, *args: Any, **path: Any) -> Any:
        """Answer a visit by the view."""
        return self.__wrapped__(*args, **path)

    def entries(self, *keys: str) -> Iterator[tuple[str, LazyView]]:
        """The views of a table of views, by their keys."""
        for key in keys:
            yield key, LazyView(self._module, self._name, key)


class Views:
    """The views of a module, by their names."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> LazyView:
        return LazyView(self._module, name)
