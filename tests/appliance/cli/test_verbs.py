"""The verbs of the command line."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli.__main__ import VERBS, main
from appliance.config import Config, load_config, use_config
from appliance.setup_code import check_setup_code, has_setup_code
from appliance.version import VERSION
from tests.factories.accounts import make_account

README = Path(__file__).resolve().parents[3] / "README.md"


@pytest.fixture(autouse=True)
def config(tmp_path: Path) -> Iterator[Config]:
    file = tmp_path / "hearth.toml"
    file.write_text('[server]\nname = "example.org"\n[database]\nurl = "postgresql://me:hunter2@db/hearth"\n')
    with use_config(load_config({"HEARTH_CONFIG": str(file), "HEARTH_MAIL__PASSWORD": "hunter2"})) as config:
        yield config


def test_every_verb_has_a_module_that_can_run_it() -> None:
    for verb in VERBS:
        module = importlib.import_module(verb.module)
        assert callable(module.run)
        assert callable(module.add_arguments)


def test_every_verb_is_in_the_readme() -> None:
    text = README.read_text()
    assert [verb.name for verb in VERBS if f"./hearth {verb.name}" not in text] == []


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(verb.name in shown and verb.summary in shown for verb in VERBS)


def test_an_unknown_verb_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["fly"])
    assert end.value.code == 2
    assert "invalid choice: 'fly'" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert VERSION in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_a_server_that_is_set_up_gets_no_new_code(capsys: pytest.CaptureFixture[str]) -> None:
    make_account("owner", admin=True)
    assert main(["setup-url"]) == 0
    assert capsys.readouterr().out == "this server has been set up: http://127.0.0.1:8008/admin/\n"
    assert not has_setup_code()


@pytest.mark.django_db(transaction=True)
def test_a_setup_url_has_a_code_that_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup-url"]) == 0
    shown = capsys.readouterr().out
    assert "http://127.0.0.1:8008" in shown
    assert check_setup_code(shown.split("setup code ")[1].split()[0])


def test_the_settings_in_effect_are_shown_without_passwords(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--changed"]) == 0
    shown = capsys.readouterr().out
    assert 'server.name = "example.org"' in shown
    assert 'database.url = "postgresql://me:(hidden)@db/hearth"' in shown
    assert 'mail.password = "(hidden)"' in shown
    assert "web.threads" not in shown
    assert "hunter2" not in shown


def test_all_settings_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 0
    assert "web.threads = 4" in capsys.readouterr().out


def test_a_wrong_configuration_is_told_by_its_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from appliance.config import current

    file = tmp_path / "wrong.toml"
    file.write_text("[web]\nthreads = 0\nprocesses = 0\n")
    monkeypatch.setenv("HEARTH_CONFIG", str(file))
    monkeypatch.setattr(current._Current, "config", None)
    assert main(["config"]) == 2
    shown = capsys.readouterr().err
    assert "web.threads" in shown
    assert "web.processes" in shown
