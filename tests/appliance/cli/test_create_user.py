"""`hearth create-user`."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli.__main__ import main
from appliance.config import load_config, use_config
from appliance.setup_code import has_setup_code, new_setup_code
from matrix_app.services.passwords import password_matches
from matrix_app.storage import accounts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path) -> Iterator[Path]:
    with use_config(load_config({"HEARTH_SERVER__DATA_DIR": str(tmp_path)})):
        yield tmp_path


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    (tmp_path / "password").write_text("wonderland\n")
    return str(tmp_path / "password")


def test_an_account_is_made_with_the_password_of_the_file(
    password_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["create-user", "alice", "--password-file", password_file]) == 0
    told = capsys.readouterr()
    assert told.out == "@alice:localhost\n"
    assert "server.name is not set: users of localhost are for trying out" in told.err
    account = accounts.find("@alice:localhost")
    assert account is not None
    assert password_matches("wonderland", account.password_hash)
    assert not account.is_admin


def test_with_a_name_nothing_is_noted(
    data_dir: Path, password_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"HEARTH_SERVER__DATA_DIR": str(data_dir), "HEARTH_SERVER__NAME": "example.org"}
    with use_config(load_config(named)):
        assert main(["create-user", "alice", "--password-file", password_file]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("@alice:example.org\n", "")


def test_the_password_may_come_from_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("wonderland\n"))
    assert main(["create-user", "alice", "--password-file", "-"]) == 0


def test_an_administrator_makes_the_setup_code_invalid(password_file: str) -> None:
    new_setup_code()
    assert main(["create-user", "alice", "--admin", "--password-file", password_file]) == 0
    assert accounts.any_admin()
    assert not has_setup_code()


def test_an_ordinary_user_leaves_the_setup_code_valid(password_file: str) -> None:
    new_setup_code()
    assert main(["create-user", "alice", "--password-file", password_file]) == 0
    assert not accounts.any_admin()
    assert has_setup_code()


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [("alice", "short", "at least 8"), ("Al ice", "wonderland", ""), ("alice", "wonderland", "taken")],
)
def test_what_cannot_be_made_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    password: str,
    said: str,
    password_file: str,
) -> None:
    if said == "taken":
        assert main(["create-user", "alice", "--password-file", password_file]) == 0
    (tmp_path / "second").write_text(password)
    assert main(["create-user", name, "--password-file", str(tmp_path / "second")]) == 1
    assert said in capsys.readouterr().err


def test_a_whole_user_id_is_understood_too(password_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create-user", "@alice:localhost", "--password-file", password_file]) == 0
    assert capsys.readouterr().out == "@alice:localhost\n"
    assert main(["create-user", "@bob:other.example", "--password-file", password_file]) == 1
    assert "users of this server are called bob:localhost, and not" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "said"),
    [("nothing", "No such file"), (".", "Is a directory"), ("bytes", "not written in UTF-8")],
)
def test_a_password_that_cannot_be_read_is_told(
    tmp_path: Path, file: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe password")
    assert main(["create-user", "alice", "--password-file", str(tmp_path / file)]) == 1
    assert said in capsys.readouterr().err
    assert accounts.find("@alice:localhost") is None


def test_without_anybody_at_a_terminal_the_other_ways_are_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "create-user", "alice"],
        env={**os.environ, "HEARTH_SERVER__DATA_DIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "give --password-file, or --generate" in done.stderr
    assert "Traceback" not in done.stderr
