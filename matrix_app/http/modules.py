"""Imports every module that declares endpoints."""

import importlib
import pkgutil

import matrix_app.client_api
import matrix_app.federation


def _import_all(package: object) -> None:
    path = package.__path__  # type: ignore[attr-defined]
    for module in pkgutil.walk_packages(path, package.__name__ + "."):  # type: ignore[attr-defined]
        importlib.import_module(module.name)


_import_all(matrix_app.client_api)
