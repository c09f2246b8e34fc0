"""Migrations, and the name that a database belongs to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from appliance.config import Config, ConfigError, load_config, use_config
from appliance.database import described, migrate, shipped
from appliance.identity import check_server_name
from matrix_app.services.create_account import create_account


def test_the_tests_run_on_the_database_that_was_asked_for() -> None:
    asked = os.environ.get("HEARTH_TEST_DATABASE", "")
    assert connection.vendor == ("postgresql" if asked.startswith("postgres") else "sqlite")
    assert "memory" not in str(connection.settings_dict["NAME"])


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    with use_config(load_config({"HEARTH_SERVER__DATA_DIR": str(tmp_path)})) as config:
        yield config


@pytest.mark.django_db
def test_the_migrations_that_are_shipped_are_those_that_django_finds() -> None:
    assert shipped() == set(MigrationLoader(connection).disk_migrations)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_up_to_date_is_left_alone() -> None:
    assert migrate() == 0


@pytest.mark.django_db
def test_a_database_is_described_without_its_password() -> None:
    assert described().startswith(
        {"sqlite": "SQLite, /", "postgresql": "PostgreSQL, test_"}[connection.vendor]
    )


@pytest.mark.django_db
def test_a_database_without_users_takes_any_name(config: Config) -> None:
    check_server_name(config)


@pytest.mark.django_db
def test_a_database_with_users_keeps_its_name(config: Config, tmp_path: Path) -> None:
    create_account("alice")
    check_server_name(config)
    other = load_config({"HEARTH_SERVER__NAME": "other.example", "HEARTH_SERVER__DATA_DIR": str(tmp_path)})
    with pytest.raises(ConfigError, match=r"server\.name: this database belongs to localhost"):
        check_server_name(other)
