"""What tests with real servers have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.real_server import engines, scratch_database


@pytest.fixture(params=engines())
def urls(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """The databases of two servers."""
    if request.param == "sqlite":
        yield ["", ""]
        return
    with ExitStack() as stack:
        server = os.environ["HEARTH_TEST_DATABASE"]
        yield [stack.enter_context(scratch_database(server)) for _ in range(2)]
