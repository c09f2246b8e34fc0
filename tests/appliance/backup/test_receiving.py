"""A backup that arrives as one file, in pieces."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.backup import receiving
from appliance.backup.errors import BackupError
from appliance.config import Config
from appliance.config.current import use_config
from matrix_app.protocol.errors import Conflict, NotFound, TooLarge
from tests.factories.backups import place_of_its_own
from tests.factories.settings import settings

CONTENT = bytes(range(256)) * 100


@pytest.fixture(autouse=True)
def here(config: Config, tmp_path: Path) -> Iterator[Config]:
    with use_config(place_of_its_own(config, tmp_path)) as changed:
        yield changed


def begin() -> receiving.Received:
    return receiving.begin("hearth-x.tar", len(CONTENT), 7)


def test_pieces_make_the_file(here: Config) -> None:
    found = begin()
    while not found.is_whole:
        receiving.add(found.mark, found.at, io.BytesIO(CONTENT[found.at : found.at + 7_000]))
    assert found.file.read_bytes() == CONTENT
    assert found.file.stat().st_mode & 0o077 == 0 or here.backup.dir.stat().st_mode & 0o077 == 0


def test_who_begins_again_goes_on_where_it_was() -> None:
    found = begin()
    receiving.add(found.mark, 0, io.BytesIO(CONTENT[:5_000]))
    assert begin().at == 5_000
    with pytest.raises(Conflict, match="is at 5000"):
        receiving.add(found.mark, 0, io.BytesIO(CONTENT[:5_000]))
    receiving.add(found.mark, 5_000, io.BytesIO(CONTENT[5_000:]))
    assert found.file.read_bytes() == CONTENT


def test_another_file_takes_its_place(here: Config) -> None:
    first = begin()
    receiving.add(first.mark, 0, io.BytesIO(CONTENT[:5_000]))
    changed = receiving.begin("hearth-x.tar", len(CONTENT), 8)
    assert changed.at == 0
    with pytest.raises(NotFound):
        receiving.add(first.mark, 5_000, io.BytesIO(b"x"))
    assert not first.file.exists()


def test_more_than_the_file_has_is_refused() -> None:
    found = begin()
    with pytest.raises(BackupError, match="More has come"):
        receiving.add(found.mark, 0, io.BytesIO(CONTENT + b"x"))


def test_what_is_too_large_or_does_not_fit_is_refused_before_anything_comes(here: Config) -> None:
    with settings(backup={"upload_gib": 1}), pytest.raises(TooLarge, match="up to 1 GiB"):
        receiving.begin("x.tar", (1 << 30) + 1, 0)
    with settings(backup={"upload_gib": 1 << 30}), pytest.raises(BackupError, match="MiB free"):
        receiving.begin("x.tar", 1 << 55, 0)
    with pytest.raises(BackupError, match="empty"):
        receiving.begin("x.tar", 0, 0)
    assert receiving.present() is None


def test_what_nobody_goes_on_with_is_removed_after_a_day(here: Config) -> None:
    assert not receiving.remove_abandoned()
    found = begin()
    receiving.add(found.mark, 0, io.BytesIO(CONTENT[:5_000]))
    assert not receiving.remove_abandoned()
    old = time.time() - receiving.ABANDONED_SECONDS - 1
    for path in found.file.parent.iterdir():
        os.utime(path, (old, old))
    assert receiving.remove_abandoned()
    assert receiving.present() is None
    assert not found.file.exists()


def test_pieces_are_no_larger_than_a_request_may_be() -> None:
    assert receiving.piece_bytes() == 8 << 20
    with settings(web={"max_body_bytes": 1_000_000}):
        assert receiving.piece_bytes() == 1_000_000
