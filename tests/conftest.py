"""What every test may rely on: a configuration of its own, empty caches, full rate limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import structlog

from appliance.config import Config, get_config
from appliance.config.current import use_config
from matrix_app.http import rate_limit
from matrix_app.services import background
from matrix_app.services.timer import timer
from matrix_app.storage.cache import clear_all
from matrix_app.sync import memo
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding import room_list
from matrix_app.sync.work import work_queue
from tests.factories import key_servers

if TYPE_CHECKING:
    from tests.factories.client import ClientFactory

SERVER_NAME = "hearth.example"


@pytest.fixture(scope="session", autouse=True)
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """A server called hearth.example, whose files are in a temporary folder, without rate limits."""
    folder: Path = tmp_path_factory.mktemp("hearth")
    present = get_config()
    replace = msgspec.structs.replace
    server = replace(
        present.server,
        name=SERVER_NAME,
        data_dir=folder,
        secrets_dir=folder / "secrets",
        run_dir=folder / "run",
    )
    federation = replace(present.federation, signing_key_file=folder / "secrets" / "signing.key")
    limits = replace(present.rate_limits, enabled=False)
    with use_config(replace(present, server=server, federation=federation, rate_limits=limits)) as changed:
        yield changed


@pytest.fixture(scope="session", autouse=True)
def _loggers_are_looked_up_each_time() -> Iterator[None]:
    """One that is kept, from a test that sets logging up, would escape what later tests capture."""
    with pytest.MonkeyPatch.context() as patch:
        given = structlog.configure

        def configure(**settings: Any) -> None:
            given(**{**settings, "cache_logger_on_first_use": False})

        patch.setattr(structlog, "configure", configure)
        yield


@pytest.fixture(autouse=True)
def _fresh(config: Config) -> Iterator[None]:
    """Nothing is remembered of another test's database. The configuration is that of all tests again."""
    clear_all()
    memo.clear()
    room_list.clear()
    hub.cache_clear()
    work_queue.cache_clear()
    rate_limit.reset()
    timer.clear()
    background.forget_bursts()
    key_servers.servers.reset()
    with use_config(config):
        yield


@pytest.fixture
def clients(transactional_db: None) -> ClientFactory:
    """Makes clients of new users; the test's changes are committed."""
    from tests.factories.client import ClientFactory

    return ClientFactory()
