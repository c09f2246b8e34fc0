"""The texts that pages show but do not hold: of settings, of checks, and of errors that services raise."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from admin_ui.sections.settings.fields import CONTEXT, label_of
from appliance.config.runtime import runtime_keys
from appliance.diagnostics.registry import all_checks

_SERVICES: Final = "matrix_app.services"
# Called by services that pages call, with errors that visitors often see.
_BELOW: Final = ("create_account", "create_session", "log_in", "passkey_ceremonies", "passwords")


def marked(pages: Path) -> str:
    """A module that marks these texts, for gettext's tools to find."""
    lines = ["from django.utils.translation import gettext, pgettext"]
    for setting in runtime_keys().values():
        lines += [
            f"pgettext({CONTEXT!r}, {text!r})" for text in (label_of(setting.name), setting.key.sentence)
        ]
    lines += [f"gettext({check.title!r})" for check in all_checks().values()]
    lines += [f"gettext({sentence!r})" for sentence in sorted(_sentences_of_errors(pages))]
    return "\n".join(lines)


def _sentences_of_errors(pages: Path) -> set[str]:
    """Whole sentences only: what has a name or a number in it is put together and cannot be looked up."""
    called = {name for path in pages.rglob("*.py") for name in _services_of(ast.parse(path.read_text()))}
    return {
        sentence
        for name in called | {f"{_SERVICES}.{below}" for below in _BELOW}
        for sentence in _raised_in(name)
    }


def _services_of(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module == _SERVICES:
            yield from (f"{_SERVICES}.{name.name}" for name in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_SERVICES}."):
            yield str(node.module)
            yield from (name for name in _within(str(node.module), node) if find_spec(name) is not None)


def _within(package: str, node: ast.ImportFrom) -> Iterator[str]:
    """What is imported out of a package of services: modules of it, maybe."""
    spec = find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        yield from (f"{package}.{name.name}" for name in node.names)


def _raised_in(name: str) -> Iterator[str]:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        match node:
            case ast.Raise(exc=ast.Call(args=[ast.Constant(value=str(sentence)), *_])):
                yield sentence
