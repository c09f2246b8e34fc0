"""The texts that pages show but do not hold: of settings and checks, and of what services and checks say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from admin_ui.sections.settings.fields import CONTEXT, label_of
from appliance.config.runtime import runtime_keys
from appliance.diagnostics.registry import all_checks

_PROJECT: Final = Path(__file__).resolve().parents[2]
# Their errors and findings are shown on pages, wherever they are raised.
_BOTH: Final = ("appliance/backup", "appliance/diagnostics")
_PACKAGES: Final = ("matrix_app", "appliance", "admin_ui")
_RESULTS: Final = ("ok", "warn", "error", "info", "skipped", "unknown", "tell")
# What is not left to a value, and has letters: the rest is the same in every language.
_PLACES: Final = re.compile(r"\{\w+(:[^{}]*)?\}")
_WORDS: Final = re.compile(r"[a-zA-Z]{2}")
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
    sentences = _sentences_of_errors(pages) | set(_said_anywhere()) | set(_found_by_checks())
    lines += [f"gettext({sentence!r})" for sentence in sorted(sentences)]
    return "\n".join(lines)


def _sentences_of_errors(pages: Path) -> set[str]:
    """Whole sentences; those with a name or a number in them are made by `said`."""
    called = {name for path in pages.rglob("*.py") for name in _services_of(ast.parse(path.read_text()))}
    return {
        sentence
        for name in called | {f"{_SERVICES}.{below}" for below in _BELOW}
        for sentence in _raised_in(name)
    } | {sentence for folder in _BOTH for node in _nodes_below(folder) for sentence in _raised_by(node)}


def _said_anywhere() -> Iterator[str]:
    """The messages of all sentences with values, and others that are marked in the same way."""
    for package in _PACKAGES:
        for node in _nodes_below(package):
            match node:
                case ast.Call(func=ast.Name(id="said"), args=[ast.Constant(value=str(message)), *_]):
                    if _WORDS.search(_PLACES.sub("", message)):
                        yield message
                case ast.Call(func=ast.Name(id="Problem"), args=[_, ast.Constant(value=str(message))]):
                    yield message


def _found_by_checks() -> Iterator[str]:
    """What checks say without values: of how it is, and of what is to be done."""
    for node in _nodes_below("appliance/diagnostics"):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[summary, *_], keywords=keywords) if name in _RESULTS:
                yield from _constants(summary)
                for keyword in keywords:
                    if keyword.arg in ("fix", "detail"):
                        yield from _constants(keyword.value)


def _constants(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(sentence)):
            yield sentence
        case ast.IfExp(body=one, orelse=other):
            yield from (*_constants(one), *_constants(other))


def _nodes_below(folder: str) -> Iterator[ast.AST]:
    for path in sorted((_PROJECT / folder).rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


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
        yield from _raised_by(node)


def _raised_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Raise(exc=ast.Call(args=[ast.Constant(value=str(sentence)), *_])):
            yield sentence
