"""One OpenAPI document from the many files of the specification's client-server API.

Each file there describes a few endpoints under a base path of its own, and refers to other files for
schemas, parameters and security schemes. In the bundle every path is written in full, and every file that
is referred to stands under `x-files`, so that all references are within the document.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]


def specification() -> Path | None:
    """The folder of the specification: MATRIX_SPEC_DIR, or ../shared/spec beside this project."""
    named = os.environ.get("MATRIX_SPEC_DIR")
    beside = Path(__file__).resolve().parents[3] / "shared/spec"
    folder = Path(named) if named else beside
    return folder if (folder / "data/api/client-server").is_dir() else None


class Bundle:
    """Collects the files; `document` is the result."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._files: Document = {}
        self.document: Document = {
            "openapi": "3.1.0",
            "info": {"title": "Matrix client-server API", "version": "1"},
            "paths": {},
            "x-files": self._files,
        }

    def add(self, file: Path) -> None:
        """Adds the endpoints of a file, under their full paths."""
        content = self._file(file.resolve())
        base = content["servers"][0]["variables"]["basePath"]["default"].rstrip("/")
        for path, item in content["paths"].items():
            self.document["paths"].setdefault(base + path, {}).update(item)

    def _file(self, file: Path) -> Document:
        """The content of a file with its references rewritten; read once."""
        name = file.relative_to(self._root).as_posix()
        if name not in self._files:
            self._files[name] = None  # it may refer to itself
            self._files[name] = self._rewritten(_read(file), file)
        content: Document = self._files[name]
        return content

    def _rewritten(self, value: Any, file: Path) -> Any:
        if isinstance(value, list):
            return [self._rewritten(each, file) for each in value]
        if not isinstance(value, dict):
            return value
        rest = {key: self._rewritten(each, file) for key, each in value.items() if key != "$ref"}
        if isinstance(value.get("$ref"), str):
            return {"$ref": self._reference(value["$ref"], file), **rest}
        return rest

    def _reference(self, reference: str, file: Path) -> str:
        path, _, pointer = reference.partition("#")
        target = (file.parent / path).resolve() if path else file
        if target not in (file,) and target.relative_to(self._root).as_posix() not in self._files:
            self._file(target)
        name = target.relative_to(self._root).as_posix().replace("~", "~0").replace("/", "~1")
        return f"#/x-files/{name}{pointer}"


@cache
def _read(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)


class _Loader(yaml.SafeLoader):
    """YAML in which dates stay text, as JSON has none."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def bundle(spec: Path) -> Document:
    """The client-server API of a checkout of the specification."""
    made = Bundle(spec / "data")
    for file in sorted((spec / "data/api/client-server").glob("*.yaml")):
        made.add(file)
    return made.document
