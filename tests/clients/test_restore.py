"""Clients go on with a server that was restored from a backup."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.clients.restoring import RestorableServer
from tests.clients.stories import direct_js, needs_nio, needs_node
from tests.interop.servers import Neighbourhood
from tests.real_server import engines

pytestmark = pytest.mark.slow


@needs_nio
@needs_node
@pytest.mark.parametrize("engine", engines())
def test_they_read_everything_that_is_said_after_a_restore(tmp_path: Path, engine: str) -> None:
    # In the place of the data that was there, and on another machine.
    with RestorableServer(tmp_path, engine, anew=engine == "postgresql") as hearth:
        orders = {"backup": hearth.backup, "restore": hearth.restore}
        direct_js("restore.mjs", orders, hearth.server.base, sys.executable)


@needs_nio
@needs_node
def test_they_understand_those_on_a_synapse_that_has_seen_what_is_lost(
    tmp_path: Path, neighbourhood: Neighbourhood
) -> None:
    synapse = neighbourhood.house("synapse")
    with neighbourhood.restorable(tmp_path, "sqlite") as (_, hearth):
        orders = {"backup": hearth.backup, "restore": hearth.restore}
        direct_js("restore_federation.mjs", orders, hearth.server.base, synapse.base, sys.executable)
