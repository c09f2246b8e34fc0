"""Muted checks: who is told of them, and when again."""

from __future__ import annotations

import orjson
import pytest

from appliance.cli import doctor
from appliance.diagnostics.changes import mail_changes, tell_changes
from appliance.diagnostics.stored import run_and_store
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.services.audit import CLI
from matrix_app.services.mute_check import mute_check, unmute_check
from matrix_app.storage import audit, check_mutes, check_results, db
from matrix_app.storage.clock import now_ms
from tests.factories.mail_server import MailServer

pytestmark = pytest.mark.django_db(transaction=True)
ID = "database.size"


def put(status: str) -> None:
    with db.write():
        check_results.put(ID, status, f"it is {status}", "", "", "", b"{}", 1)


def expire() -> None:
    """The time for which it is muted is over."""
    with db.write():
        check_mutes.put(ID, "waiting", now_ms() - 1, 1, None)


def test_nobody_is_told_of_a_muted_check_until_it_is_heard_again(post: MailServer) -> None:
    put("error")
    mute_check(CLI, ID, "waiting", None)
    assert tell_changes() == []
    assert not mail_changes()
    assert check_results.worst(now_ms()) == ""
    unmute_check(CLI, ID)
    assert check_results.worst(now_ms()) == "error"
    assert tell_changes() == [ID]
    assert mail_changes(), "the daily mail has not told of it either"
    assert [row.action for row in audit.page(before=None, limit=2)] == ["check.unmute", "check.mute"]


def test_what_got_well_while_it_was_muted_is_told_of_afterwards(post: MailServer) -> None:
    put("error")
    assert tell_changes() == [ID]
    assert mail_changes()
    mute_check(CLI, ID, "waiting", 1)
    put("ok")
    assert tell_changes() == []
    assert not mail_changes()
    expire()
    assert tell_changes() == [ID]
    assert mail_changes()
    assert len(post.mails) == 4


def test_muting_ends_by_itself_and_is_forgotten() -> None:
    mute_check(CLI, ID, "waiting", 7)
    assert 6.9 < ((check_mutes.present(now_ms())[ID].until_ts or 0) - now_ms()) / 86_400_000 <= 7
    expire()
    assert check_mutes.present(now_ms()) == {}
    run_and_store(["security.certificates"])
    assert db.value("SELECT count(*) FROM check_mute") == 0


@pytest.mark.parametrize(("reason", "days"), [(" ", 1), ("x" * 501, 1), ("x", 0), ("x", 367)])
def test_a_check_is_muted_with_a_reason_and_for_a_year_at_most(reason: str, days: int) -> None:
    with pytest.raises(InvalidParam):
        mute_check(CLI, ID, reason, days)
    with pytest.raises(NotFound):
        unmute_check(CLI, ID)


def test_doctor_shows_what_is_muted_and_does_not_count_it(capsys: pytest.CaptureFixture[str]) -> None:
    from argparse import ArgumentParser

    parser = ArgumentParser()
    doctor.add_arguments(parser)
    asked = ["configuration.owner", "--json"]
    failed = doctor.run(parser.parse_args(asked))
    assert orjson.loads(capsys.readouterr().out)["checks"][0]["muted"] is None
    mute_check(CLI, "configuration.owner", "nobody is here yet", None)
    assert (failed, doctor.run(parser.parse_args(asked))) == (1, 0)
    assert orjson.loads(capsys.readouterr().out)["checks"][0]["muted"]["reason"] == "nobody is here yet"
    doctor.run(parser.parse_args(asked[:1]))
    assert "muted for good: nobody is here yet" in capsys.readouterr().out
