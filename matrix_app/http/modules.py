"""Imports the modules that declare endpoints."""

import importlib
import pkgutil


def import_all(package: str) -> None:
    """Import every module of a package, so that its endpoints are declared."""
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, package + "."):
        importlib.import_module(module.name)
