"""Upgrades: the copy before them, and databases of newer versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.backup.layout import stored_backups
from appliance.backup.verify import verify
from appliance.config import Config
from appliance.config.current import base_config, set_overlaid, use_config
from appliance.database import count_missing, migrate
from appliance.schema import SchemaRefused, copy_before_upgrade, note_version, parts, refuse_newer
from appliance.version import OLDEST_CODE, VERSION
from matrix_app.services.audit import CLI
from matrix_app.services.change_settings import change_settings
from matrix_app.storage import db, installation
from tests.factories.client import ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)
UNKNOWN = [("storage", "9999_from_the_future")]


@pytest.fixture(autouse=True)
def here(config: Config, tmp_path: Path) -> Iterator[Config]:
    replace = msgspec.structs.replace
    with use_config(replace(config, backup=replace(config.backup, dir=tmp_path / "backups"))) as changed:
        yield changed


def _applied_by(version: str, oldest_code: str) -> None:
    """A newer version has been at work on the database."""
    installation.put_schema_version(version, oldest_code)
    with db.write():
        db.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('storage', %s, CURRENT_TIMESTAMP)",
            (UNKNOWN[0][1],),
        )


@pytest.fixture
def _forgotten() -> Iterator[None]:
    yield
    with db.write():
        db.execute("DELETE FROM django_migrations WHERE name = %s", (UNKNOWN[0][1],))


@pytest.mark.usefixtures("_forgotten")
def test_a_schema_that_this_version_cannot_use_is_refused_with_what_helps() -> None:
    copy = copy_before_upgrade()
    assert copy is not None
    _applied_by("99.1.0", "99.0.0")
    with pytest.raises(SchemaRefused) as refused:
        migrate()
    told = str(refused.value)
    assert "Hearth 99.1.0" in told
    assert VERSION in told
    assert "install Hearth 99.0.0 or newer" in told
    assert f"hearth restore --replace {copy.manifest.id}" in told
    with pytest.raises(SchemaRefused):
        count_missing()


@pytest.mark.usefixtures("_forgotten")
def test_the_version_before_starts_on_a_schema_that_only_has_more() -> None:
    _applied_by("99.1.0", OLDEST_CODE)
    assert migrate() == 0
    assert installation.schema_version() == ("99.1.0", OLDEST_CODE), "what the newer one said still stands"


def test_a_database_that_says_nothing_of_itself_is_refused_when_it_is_strange() -> None:
    with db.write():
        db.execute("DELETE FROM schema_version")
    refuse_newer([])
    with pytest.raises(SchemaRefused, match="of a newer version"):
        refuse_newer(UNKNOWN)
    note_version()
    assert installation.schema_version() == (VERSION, OLDEST_CODE)


def test_the_database_is_copied_before_an_upgrade(clients: ClientFactory) -> None:
    clients.make().create_room()
    copy = copy_before_upgrade()
    assert copy is not None
    assert copy.manifest.media is None
    assert copy.manifest.reason == "upgrade"
    assert verify(copy, lambda *_told: None).faults == []


def test_the_copy_is_encrypted_when_a_page_says_that_backups_are(clients: ClientFactory) -> None:
    change_settings(CLI, {"backup.encrypt": True})
    set_overlaid(base_config())  # as a process that has not looked yet
    copy = copy_before_upgrade()
    assert copy is not None
    assert copy.manifest.encryption is not None


def test_without_the_setting_none_is_made(here: Config) -> None:
    replace = msgspec.structs.replace
    with use_config(replace(here, backup=replace(here.backup, before_upgrades=False))):
        assert copy_before_upgrade() is None
    assert stored_backups(here.backup.dir) == []


def test_nothing_is_changed_when_there_is_no_room_for_the_copy(here: Config) -> None:
    here.backup.dir.write_text("a file is in the way of the folder")
    with pytest.raises(SchemaRefused, match=r"it was not changed.*before_upgrades = false"):
        copy_before_upgrade()


def test_versions_are_compared_as_numbers() -> None:
    assert parts("0.10.0") > parts("0.9.12")
    assert parts("1.0") < parts("1.0.1")
