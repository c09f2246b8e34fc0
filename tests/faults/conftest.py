"""The world in which servers misbehave."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import world as worlds
from tests.faults.world import World
from tests.real_server import engines


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """On each database, but for modules that name one."""
    if "engine" in metafunc.fixturenames:
        kinds = getattr(metafunc.module, "ENGINES", engines())
        metafunc.parametrize("engine", kinds, scope="module")


@pytest.fixture(scope="module")
def world(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests of a module: it has to get over every fault."""
    with worlds.world(tmp_path_factory.mktemp("hearth"), engine) as here:
        yield here
