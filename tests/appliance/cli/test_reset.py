"""`hearth reset-password` and `hearth reset-2fa`."""

from __future__ import annotations

import json
from pathlib import Path

import pyotp
import pytest

from appliance.cli.__main__ import main
from matrix_app.services import second_factor
from matrix_app.services.audit import CLI
from matrix_app.services.passwords import password_matches
from matrix_app.storage import accounts, audit
from tests.factories.client import ClientFactory


def last_action() -> tuple[str, str, str]:
    row = audit.page(before=None, limit=1)[0]
    return row.action, row.target, row.via


def test_a_password_is_set_everybody_is_signed_out_and_it_is_written_down(
    clients: ClientFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = clients.make("alice")
    (tmp_path / "new").write_text("through the looking glass\n")
    assert main(["reset-password", "alice", "--password-file", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out == f"{alice.user_id} has a new password and is signed out everywhere\n"
    account = accounts.find(alice.user_id)
    assert account is not None
    assert password_matches("through the looking glass", account.password_hash)
    assert alice.get("/_matrix/client/v3/account/whoami").status == 401
    assert last_action() == ("user.set_password", alice.user_id, "cli")


def test_sessions_may_be_kept_and_a_password_made(
    clients: ClientFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = clients.make("alice")
    assert main(["reset-password", alice.user_id, "--generate", "--keep-sessions", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["user_id"], told["signed_out"]) == (alice.user_id, False)
    account = accounts.find(alice.user_id)
    assert account is not None
    assert password_matches(told["password"], account.password_hash)
    assert alice.get("/_matrix/client/v3/account/whoami").status == 200


def test_a_name_that_nobody_has_is_told_with_those_that_are_near(
    clients: ClientFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = clients.make("alice")
    assert main(["reset-password", "alicia", "--generate"]) == 1
    assert f"did you mean {alice.user_id}?" in capsys.readouterr().err
    assert main(["reset-2fa", "nobody"]) == 1


def test_a_weak_password_changes_nothing(
    clients: ClientFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = clients.make("alice")
    (tmp_path / "new").write_text("short")
    assert main(["reset-password", "alice", "--password-file", str(tmp_path / "new")]) == 1
    assert "at least 8" in capsys.readouterr().err
    assert alice.get("/_matrix/client/v3/account/whoami").status == 200


def test_a_lost_second_factor_is_removed(clients: ClientFactory, capsys: pytest.CaptureFixture[str]) -> None:
    alice = clients.make("alice")
    account = accounts.find(alice.user_id)
    assert account is not None
    secret = second_factor.begin_totp(account.user_nid)
    second_factor.confirm_totp(account.user_nid, pyotp.TOTP(secret).now(), CLI)
    assert main(["reset-2fa", "@alice"]) == 0
    assert capsys.readouterr().out == f"{alice.user_id} has no second factor any more\n"
    assert not second_factor.has_second_factor(account.user_nid)
    assert last_action() == ("user.reset_second_factor", alice.user_id, "cli")
    assert main(["reset-2fa", "alice", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["had_second_factor"] is False
