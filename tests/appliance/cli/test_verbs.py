"""The verbs of the command line."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli.__main__ import main
from appliance.cli.verbs import VERBS, Verb
from appliance.config import Config, load_config, use_config
from appliance.setup_code import check_setup_code, has_setup_code
from appliance.version import VERSION
from matrix_app.services.audit import CLI
from matrix_app.services.change_settings import change_settings
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
    assert main(["fly"]) == 2
    told = capsys.readouterr().err
    assert "there is no verb fly" in told
    assert "hearth --help" in told


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["backups"], "did you mean backup?"),
        (["creat-user"], "did you mean create-user?"),
        (["backup", "--lsit"], "did you mean --list?"),
        (["media", "evit"], "there is no evit; did you mean evict?"),
        (["media", "copy", "folder", "s3", "--jsn"], "did you mean --json?"),
        (["render-proxy", "lighttpd"], "it may be caddy, nginx, traefik, apache"),
        (["restore"], "usage: hearth restore"),
        (["migrate", "--wait", "-1"], "-1 is no number of seconds"),
        (["run", "--wait", "nan"], "nan is no number of seconds"),
    ],
    ids=" ".join,
)
def test_what_is_misspelt_is_told_with_what_was_probably_meant(
    given: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(given)
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_explains_itself(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([verb.name, "--help"])
    assert end.value.code == 0
    assert verb.summary in " ".join(capsys.readouterr().out.split())


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert VERSION in capsys.readouterr().out
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == VERSION


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


@pytest.mark.django_db(transaction=True)
def test_a_setup_url_is_told_to_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup-url", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["set_up"] is False
    assert check_setup_code(told["setup_code"])
    make_account("owner", admin=True)
    assert main(["setup-url", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "set_up": True,
        "address": "http://127.0.0.1:8008/admin/",
    }


@pytest.mark.django_db(transaction=True)
def test_the_settings_in_effect_are_shown_without_passwords(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--changed"]) == 0
    shown = capsys.readouterr().out
    assert 'server.name = "example.org"' in shown
    assert 'database.url = "postgresql://me:(hidden)@db/hearth"' in shown
    assert 'mail.password = "(hidden)"' in shown
    assert "web.threads" not in shown
    assert "hunter2" not in shown


@pytest.mark.django_db(transaction=True)
def test_settings_are_told_with_who_says_them(capsys: pytest.CaptureFixture[str]) -> None:
    change_settings(CLI, {"registration.mode": "open", "metrics.token": "hunter3"})
    assert main(["config", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["server.name"] == {"toml": '"example.org"', "source": "configuration"}
    assert shown["registration.mode"] == {"toml": '"open"', "source": "page"}
    assert shown["metrics.token"] == {"toml": '"(hidden)"', "source": "page"}
    assert shown["web.threads"] == {"toml": "4", "source": "default"}


@pytest.mark.django_db(transaction=True)
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
