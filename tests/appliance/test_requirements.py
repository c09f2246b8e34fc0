"""What is imported is required, what is required has a reason, and the lock files hold it all."""

from __future__ import annotations

import ast
import re
import sys
from functools import lru_cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
OWN = {"appliance", "matrix_app", "admin_ui", "tests"}
LISTS = ("requirements.txt", "requirements-test.txt")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(file: str) -> dict[str, str]:
    """The reasons by the names of the packages."""
    found = {}
    for line in (PROJECT / file).read_text().splitlines():
        requirement, _, reason = line.partition("#")
        if requirement.strip() and not requirement.startswith("-"):
            name = re.match(r"[A-Za-z0-9._-]+", requirement)
            assert name is not None
            found[normal(name[0])] = reason.strip()
    return found


@lru_cache(maxsize=1)
def distributions() -> dict[str, list[str]]:
    return {module: [normal(name) for name in names] for module, names in packages_distributions().items()}


def foreign_imports(folder: str) -> dict[str, str]:
    """The top-level modules that are imported, and where; neither Python's own nor ours."""
    found = {}
    for file in (PROJECT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.append(node.module)
            for name in names:
                found[name.partition(".")[0]] = str(file.relative_to(PROJECT))
    return {name: file for name, file in found.items() if name not in OWN | sys.stdlib_module_names}


@pytest.mark.parametrize("folder", ["appliance", "matrix_app", "admin_ui"])
def test_whatever_the_server_imports_is_required(folder: str) -> None:
    listed = set(required("requirements.txt"))
    missing = {
        name: file
        for name, file in foreign_imports(folder).items()
        if not listed.intersection(distributions().get(name, [normal(name)]))
    }
    assert missing == {}


@pytest.mark.parametrize("file", LISTS)
def test_every_requirement_has_a_reason(file: str) -> None:
    assert [name for name, reason in required(file).items() if not reason] == []


@pytest.mark.parametrize("file", LISTS)
def test_every_requirement_is_locked_with_hashes(file: str) -> None:
    lock = (PROJECT / file.replace(".txt", ".lock")).read_text()
    locked = {normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    assert set(required(file)) - locked == set()
    assert lock.count("--hash=sha256:") >= len(locked)
    assert "://" not in lock
    assert "--index-url" not in lock


def test_the_tests_run_with_the_versions_that_the_server_runs_with() -> None:
    def pins(file: str) -> set[str]:
        return set(re.findall(r"^[A-Za-z0-9._-]+==[^ \n]+", (PROJECT / file).read_text(), re.MULTILINE))

    assert pins("requirements.lock") - pins("requirements-test.lock") == set()
