"""The page of the support bundle."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.config import Config
from appliance.config.current import use_config
from matrix_app.services import long_tasks
from matrix_app.storage import audit
from matrix_app.storage import long_tasks as stored
from tests.factories.browser import Browser

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/support/"


@pytest.fixture(autouse=True)
def here(config: Config, tmp_path: Path) -> Iterator[Config]:
    with use_config(replace(config, server=replace(config.server, data_dir=tmp_path))) as changed:
        yield changed


def test_a_bundle_is_made_and_fetched_and_both_are_written_down(browser: Browser) -> None:
    assert "Make a support bundle" in browser.get(PAGE).text
    assert browser.post(f"{PAGE}make/", {"names": "on"}, page=PAGE).address.startswith("/admin/tasks/")
    assert "One is being made" in browser.get(PAGE).text
    (row,) = stored.unfinished()
    long_tasks.run(row.nid)
    [name] = browser.get(PAGE).texts("main dd.mono")
    content = b"".join(browser.ask(f"{PAGE}fetch/{name}/", {}, page=PAGE))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        readme = archive.extractfile("hearth-support/README.txt")
        assert readme is not None
        assert b"REAL NAMES" in readme.read()
    noted = {entry.action: entry for entry in audit.page(before=None, limit=10)}
    assert noted["support.bundle"].details == {"names": True}
    assert noted["support.fetch"].target == name


def test_nobody_gets_one_by_an_address(browser: Browser) -> None:
    assert browser.get(f"{PAGE}fetch/signing.key/").address == PAGE
