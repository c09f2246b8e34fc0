"""`hearth backup` and `hearth verify-backup` at a terminal and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import secrets
from appliance.backup import keys, layout
from appliance.cli.__main__ import main
from appliance.config import Config
from appliance.config.current import base_config, set_overlaid, use_config
from matrix_app.services.audit import CLI
from matrix_app.services.change_settings import change_settings
from tests.factories.backups import place_of_its_own
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def here(config: Config, tmp_path: Path) -> Iterator[Config]:
    with use_config(place_of_its_own(config, tmp_path)) as changed:
        secrets.create_all()
        # What the configuration names need only be there; these tests have a database of their own.
        (changed.server.data_dir / "hearth.sqlite3").touch()
        yield changed


def test_what_a_page_says_holds_for_the_command_too(here: Config, capsys: pytest.CaptureFixture[str]) -> None:
    change_settings(CLI, {"backup.encrypt": True})
    set_overlaid(base_config())  # as a process that has just begun
    assert main(["backup", "--verify"]) == 0
    key = keys.name_of(keys.own_key())
    assert f"encrypted to {key}  verified" in capsys.readouterr().out
    [made] = layout.stored_backups(here.backup.dir)
    assert main(["backup", "--list", "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)["backups"]
    assert (told["id"], told["encrypted_to"]) == (made.manifest.id, key)


def test_the_kit_is_printed_to_be_kept_in_a_file(
    here: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with settings(backup={"encrypt": True}):
        assert main(["backup"]) == 0
        capsys.readouterr()
        assert main(["backup", "--kit"]) == 0
    (tmp_path / "kit.txt").write_text(capsys.readouterr().out)
    (here.server.secrets_dir / keys.FILE).unlink()
    assert main(["verify-backup"]) == 1
    assert "give its emergency kit (--kit)" in capsys.readouterr().err
    assert main(["verify-backup", "--kit", str(tmp_path / "kit.txt")]) == 0
    assert main(["verify-backup", "--kit", str(tmp_path / "nothing")]) == 1


def test_a_kit_is_told_to_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "--kit", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert keys.own_key() in told["kit"]
    assert (told["key"], told["encrypts"]) == (keys.name_of(keys.own_key()), False)


def test_what_is_asked_for_instead_of_a_backup_is_one_thing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["backup", "--list", "--kit"])
    assert "not allowed with" in capsys.readouterr().err


def test_of_a_name_that_no_backup_has_the_latest_is_told(
    here: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify-backup", "2020-01-01T000000Z"]) == 1
    assert f"there are none in {here.backup.dir}" in capsys.readouterr().err
    assert main(["backup"]) == 0
    capsys.readouterr()
    [made] = layout.stored_backups(here.backup.dir)
    assert main(["verify-backup", "2020-01-01T000000Z"]) == 1
    assert f"the latest is {made.manifest.id}" in capsys.readouterr().err


def test_a_new_key_has_a_kit_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    before = keys.own_key()
    assert main(["backup", "--new-key"]) == 0
    told = capsys.readouterr()
    assert keys.own_key() != before
    assert keys.own_key() in told.out
    assert "not encrypted as long as backup.encrypt is false" in told.err
