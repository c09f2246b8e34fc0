"""Who is told when checks become bad or good, how often, and what is kept of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from appliance.diagnostics.changes import mail_changes, tell_changes
from appliance.diagnostics.checks.alerts import delivery
from appliance.diagnostics.result import Status
from matrix_app.protocol.said import said
from matrix_app.services import alerts, outgoing_http
from matrix_app.services.outgoing_http import Answer
from matrix_app.services.system_user import system_account
from matrix_app.storage import check_results, db, interning, members
from tests.factories.accounts import make_account
from tests.factories.mail_server import MailServer
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


def put(status: str, id: str = "database.size") -> None:
    with db.write():
        check_results.put(id, status, f"it is {status}", "", "mend it", "", b"{}", 1)


def test_what_breaks_and_what_works_again_is_told_once(post: MailServer) -> None:
    put("ok")
    assert tell_changes() == []
    put("error")
    assert tell_changes() == ["database.size"]
    assert tell_changes() == []
    assert "Size of the database: it is error" in post.text_of_last()
    assert "mend it" in post.text_of_last()
    put("skipped")
    assert tell_changes() == [], "nobody knows how it is"
    put("ok")
    assert tell_changes() == ["database.size"]
    assert "works again" in str(post.mails[-1]["Subject"])
    assert tell_changes() == []
    assert len(post.mails) == 2


def test_warnings_are_told_of_where_that_is_wanted(post: MailServer) -> None:
    put("warn")
    assert tell_changes() == []
    with settings(alerts={"mail_to": ("owner@example.org",), "matrix": False, "warnings": True}):
        assert tell_changes() == ["database.size"]
        put("error")
        assert tell_changes() == ["database.size"], "it has become worse"


def test_what_nobody_took_is_told_again(post: MailServer) -> None:
    put("error")
    with settings(mail={**post.settings, "port": 1}):
        assert tell_changes() == []
        assert delivery().status is Status.ERROR
    assert tell_changes() == ["database.size"]
    assert delivery().status is Status.OK


def test_a_webhook_gets_json_by_https_and_its_refusal_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    answers = [Answer(204, b""), Answer(500, b"")]

    def ask(method: str, url: str, *, headers: dict[str, str], content: bytes = b"") -> Answer:
        asked.append((url, orjson.loads(content)))
        return answers.pop(0)

    monkeypatch.setattr(outgoing_http, "ask", ask)
    with settings(alerts={"webhook": "https://hook.example/x", "matrix": False, "language": "de"}):
        put("error")
        assert tell_changes() == ["database.size"]
        [(url, content)] = asked
        assert (url, content["kind"], content["server_name"]) == (
            "https://hook.example/x",
            "alert",
            "hearth.example",
        )
        assert content["items"][0]["id"] == "database.size"
        assert "Size of the database: it is error" in content["text"], "programs are told in English"
        assert not alerts.deliver_test()
        assert "answers 500" in delivery().detail


def test_administrators_are_invited_to_a_room_in_which_they_are_told() -> None:
    owner = make_account("owner", admin=True)
    assert alerts.channels() == ["matrix"]
    assert alerts.deliver_test()
    assert alerts.deliver_test()
    [invited] = members.of_user(owner.user_nid, [members.Membership.INVITE])
    assert [row.user_nid for row in members.in_room(invited.room_nid, [members.Membership.JOIN])] == [
        interning.user_nid(system_account().user_id)
    ]


def test_nobody_to_tell_is_worth_knowing_and_no_fault() -> None:
    assert alerts.channels() == []
    assert delivery().status is Status.INFO
    put("error")
    assert tell_changes() == []


def test_the_daily_mail_says_only_what_changed(post: MailServer) -> None:
    put("ok")
    assert not mail_changes()
    put("warn")
    put("error", "machine.memory")
    assert mail_changes()
    assert "Free memory: it is error" in post.text_of_last()
    assert not mail_changes()
    put("ok")
    assert mail_changes()
    assert "Works again" in post.text_of_last()
    assert "Free memory" not in post.text_of_last()
    assert len(post.mails) == 2


def test_people_are_told_in_the_language_of_the_setting(post: MailServer) -> None:
    with db.write():
        check_results.put(
            "backup.age",
            "error",
            said("The last backup is {days:.1f} days old", days=8.5),
            "",
            "See the page Tasks.",
            "",
            b"{}",
            1,
        )
    with settings(alerts={"mail_to": ("owner@example.org",), "matrix": False, "language": "de"}):
        assert tell_changes() == ["backup.age"]
        assert "Alter der letzten Sicherung: Die letzte Sicherung ist 8,5 Tage alt" in post.text_of_last()
        assert "Zu tun: Siehe die Seite Aufgaben." in post.text_of_last()
        assert mail_changes()
    assert "seit_gestern" in str(post.mails[-1]["Subject"])
